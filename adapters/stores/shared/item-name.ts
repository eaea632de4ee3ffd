/** Names of kedge's own items in stores that bound the length and the characters of a key. @module */
import { encodeUtf8 } from '../../../src/wire/codec.ts'

/** Memcached's bound is the lowest of all: 250 bytes. Workers KV takes 512, the Cache API URLs. */
const MAX_BYTES = 250

/**
 * A name for any text: the text itself where it fits (printable ASCII without spaces), or else its SHA-256. `prefix`
 * ends with a colon, which becomes a `!` before a digest: no text has the name of another one's digest.
 */
export async function nameFor(prefix: string, text: string): Promise<string> {
  const plain = `${prefix}${text}`
  if (plain.length <= MAX_BYTES && /^[\x21-\x7e]*$/.test(plain)) return plain
  const digest = await crypto.subtle.digest('SHA-256', encodeUtf8(text) as Uint8Array<ArrayBuffer>)
  const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0'))
  return `${prefix.slice(0, -1)}!${hex.join('')}`
}

/** The name of a tier's item. The colon between namespace and key is in neither. */
export const itemName = (prefix: string, namespace: string, key: string): Promise<string> =>
  nameFor(prefix, `${encodeURIComponent(namespace)}:${encodeURIComponent(key)}`)
