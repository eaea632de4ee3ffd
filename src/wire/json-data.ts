/**
 * What JSON writes without a word, and loses: a `Map`, a `Set`, bytes, an object of a class that has no fields of its own. Other
 * isolates, and a store, would get `{}` for it.
 *
 * @module
 */
import { KedgeError } from '../ports/errors.ts'
import { json } from './codec.ts'
import type { Codec } from './codec.ts'

/** Parts of a value that are looked at, those near its top first. */
const MAX_PARTS = 256

/** @throws KedgeError `ERR_CODEC` where the codec is JSON's, and would lose one of the value's first parts */
export function checkWritable(codec: Codec, value: unknown): void {
  if (codec !== json) return
  const open: (readonly [part: unknown, path: string])[] = [[value, '']]
  for (const [part, path] of open) {
    if (typeof part !== 'object' || part === null) continue
    if (isLost(part)) {
      const type = Object.prototype.toString.call(part).slice(8, -1)
      throw new KedgeError(
        'ERR_CODEC',
        `JSON loses the ${type} at \`value${path.slice(0, 100)}\`: use arrays and plain objects, or another \`codec\``,
      )
    }
    for (const [name, inner] of Object.entries(part))
      if (open.length < MAX_PARTS) open.push([inner, `${path}.${name}`])
  }
}

function isLost(part: object): boolean {
  if (ArrayBuffer.isView(part)) return !('toJSON' in part)
  const isPlain = [Object.prototype, Array.prototype, null].includes(Object.getPrototypeOf(part) as null)
  return !isPlain && Object.keys(part).length === 0 && JSON.stringify(part) === '{}'
}
