/**
 * Freezing a value with all that it consists of.
 *
 * @module
 */

/**
 * Freezes the value and every plain object and array in it. What keeps its content elsewhere (a `Map`, a `Date`, bytes)
 * can be changed by its methods all the same.
 */
export function deepFreeze(value: unknown): void {
  const seen = new Set<object>()
  const open: unknown[] = [value]
  while (open.length > 0) {
    const next = open.pop()
    if (typeof next !== 'object' || next === null || seen.has(next)) continue
    seen.add(next)
    // A view of bytes cannot be frozen: the platform throws a TypeError.
    if (ArrayBuffer.isView(next)) continue
    Object.freeze(next)
    for (const part of Object.values(next)) open.push(part)
  }
}
