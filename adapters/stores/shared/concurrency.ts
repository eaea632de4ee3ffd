/** Work on many things, some at a time, and what comes of it. @module */

/** Works on `most` things at once. When the call ends or one of them fails, it begins no further ones. */
export async function inGroups<T>(
  things: readonly T[],
  most: number,
  signal: AbortSignal,
  work: (thing: T) => Promise<void>,
): Promise<void> {
  const waiting = things.values()
  const workers = Array.from({ length: Math.min(most, things.length) }, async () => {
    for (const thing of waiting) {
      signal.throwIfAborted()
      await work(thing)
    }
  })
  await Promise.all(workers)
}

/** The found values, in the order of `keys`. */
export function inOrderOf<T>(keys: readonly string[], found: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
  const ordered = new Map<string, T>()
  for (const key of keys) {
    const value = found.get(key)
    if (value !== undefined) ordered.set(key, value)
  }
  return ordered
}
