/** HMAC-SHA-256 as hexadecimal text, on every platform. @module */
import { encodeUtf8 } from '../../src/wire/codec.ts'

/** Characters. Less can be tried out by who has one line. */
export const MIN_SECRET = 32

export type Hmac = (message: string) => Promise<string>

/** @throws TypeError naming `option` for a secret that can be guessed. */
export function hmacBy(secret: string, option: string): Hmac {
  if (typeof secret !== 'string' || secret.length < MIN_SECRET)
    throw new TypeError(`\`${option}\` must be a secret of at least ${MIN_SECRET} characters`)
  // The key, not a promise of it, because no promise may be shared by two requests in Workers.
  let key: CryptoKey | undefined
  return async (message) => {
    key ??= await crypto.subtle.importKey('raw', bytesOf(secret), ALGORITHM, false, ['sign'])
    const signed = await crypto.subtle.sign('HMAC', key, bytesOf(message))
    return Array.from(new Uint8Array(signed), (byte) => byte.toString(16).padStart(2, '0')).join('')
  }
}

const ALGORITHM = { name: 'HMAC', hash: 'SHA-256' }

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(encodeUtf8(text))
