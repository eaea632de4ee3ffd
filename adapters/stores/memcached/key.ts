/** Keys of Memcached: at most 250 bytes, no spaces, no control characters. @module */
import { encodeUtf8 } from '../../../src/wire/codec.ts'

const MAX_KEY_BYTES = 250

/** Why a client could not `get` the key; `undefined` where it could. */
export function unfitKey(key: string): string | undefined {
  if (key === '') return 'the key is empty'
  if (/\p{Surrogate}/u.test(key)) return 'the key is not well-formed text'
  const bytes = encodeUtf8(key)
  if (bytes.length > MAX_KEY_BYTES) return `the key is longer than ${MAX_KEY_BYTES} bytes`
  if (bytes.some((byte) => byte <= 32 || byte === 127)) return 'the key holds a space or a control character'
  return undefined
}
