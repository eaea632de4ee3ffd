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
    if (isLost(part)) throw lost(part, path)
    for (const [name, inner] of Object.entries(part)) {
      if (open.length >= MAX_PARTS) break
      open.push([inner, path === '' ? name : `${path}.${name}`])
    }
  }
}

function isLost(part: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(part)
  if (prototype === Object.prototype || prototype === null || Array.isArray(part)) return false
  if (typeof (part as { toJSON?: unknown }).toJSON === 'function') return false
  return ArrayBuffer.isView(part) || (Object.keys(part).length === 0 && JSON.stringify(part) === '{}')
}

function lost(part: object, path: string): KedgeError {
  const [, name = 'object'] = /^\[object (\w+)\]$/.exec(Object.prototype.toString.call(part)) ?? []
  const where = path === '' ? 'the value' : `\`${path.slice(0, 100)}\``
  return new KedgeError(
    'ERR_CODEC',
    `${where} is of type ${name}, which JSON loses: use an array or a plain object, or a \`codec\` that writes it`,
  )
}
