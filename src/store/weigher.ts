/**
 * How many bytes a value occupies, estimated from above: strings count two bytes a character though most take
 * one, objects count their slots and headers. A true heap size cannot be asked for in any edge runtime.
 *
 * @module
 */

/** What an entry costs beside its value: the slots of its key, the entry itself, hashes of what was evicted. */
const ENTRY_BYTES = 192
const OBJECT_BYTES = 56
const SLOT_BYTES = 16

/** The bytes of an entry with this key and these tags around its value. */
export function entryBytes(key: string, tags: readonly string[] | undefined): number {
  let bytes = ENTRY_BYTES + 2 * key.length
  if (tags) for (const tag of tags) bytes += SLOT_BYTES + 2 * tag.length
  return bytes
}

/** The bytes of a value. Shared and circular parts count once. */
export function valueBytes(value: unknown): number {
  if (typeof value === 'string') return SLOT_BYTES + 2 * value.length
  if (typeof value !== 'object' || value === null) return SLOT_BYTES
  let bytes = 0
  const seen = new Set<object>([value])
  const open: object[] = [value]
  const visit = (part: unknown): void => {
    if (typeof part === 'string') bytes += 2 * part.length
    else if (typeof part === 'object' && part !== null && !seen.has(part)) {
      seen.add(part)
      open.push(part)
    }
  }
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    bytes += OBJECT_BYTES
    if (ArrayBuffer.isView(next)) {
      // A view keeps the whole of its buffer alive.
      visit(next.buffer)
    } else if (next instanceof ArrayBuffer) {
      bytes += next.byteLength
    } else if (next instanceof Map || next instanceof Set) {
      bytes += next.size * 2 * SLOT_BYTES
      for (const [key, part] of next.entries()) {
        visit(key)
        if (part !== key) visit(part)
      }
    } else {
      for (const key of Object.keys(next)) {
        bytes += SLOT_BYTES + 2 * key.length
        visit((next as Record<string, unknown>)[key])
      }
    }
  }
  return bytes
}
