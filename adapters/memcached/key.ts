/** Keys of Memcached: at most 250 bytes, no spaces, no control characters. @module */
import { encodeUtf8 } from '../../src/codec.ts'

export const MAX_KEY_BYTES = 250

/** Why anybody's `get` could not name it; `undefined` where it can. */
export function unfitKey(key: string): string | undefined {
  if (key === '') return 'the key is empty'
  if (/\p{Surrogate}/u.test(key)) return 'the key is not well-formed text'
  const bytes = encodeUtf8(key)
  if (bytes.length > MAX_KEY_BYTES) return `the key is longer than ${MAX_KEY_BYTES} bytes`
  if (bytes.some((byte) => byte <= 32 || byte === 127)) return 'the key holds a space or a control character'
  return undefined
}

/** A name of kedge's own for any text: the text itself where it fits, or else its SHA-256. `prefix` ends with a colon. */
export async function nameFor(prefix: string, text: string): Promise<string> {
  const plain = `${prefix}${text}`
  if (!unfitKey(plain)) return plain
  const digest = await crypto.subtle.digest('SHA-256', encodeUtf8(text) as Uint8Array<ArrayBuffer>)
  const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0'))
  // What follows the prefix tells a digest from a text: `#` in the place of its colon.
  return `${prefix.slice(0, -1)}#${hex.join('')}`
}
