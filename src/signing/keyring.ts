/**
 * The keys that sign and verify: HMAC-SHA-256 (RFC 2104, FIPS 180-4) by WebCrypto.
 *
 * @module
 */
import { encodeUtf8 } from '../wire/codec.ts'

/** A key that writers and readers share. */
export interface SigningKey {
  /** Stands in each signature, so that a reader knows which key it is: 1 to 32 letters, digits, `_` and `-`. */
  readonly id: string
  /** 32 to 256 bytes, or these as base64 or base64url: `openssl rand -base64 32`. */
  readonly secret: string | Uint8Array
}

/** Why a signature does not count. */
export type SignatureFault =
  /** The message carries no signature. */
  | 'missing'
  /** No key of this id is known here. */
  | 'unknown_key'
  /** The signature is not one of this key over this message. */
  | 'mismatch'

/** What a signature is about, beside the message itself. */
export interface Place {
  readonly topic: string
  readonly key: Uint8Array | null
}

interface Key {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The key and not a promise of it: on Workers no request may await what another one has begun. */
  imported?: CryptoKey
}

const ID = /^[\w-]{1,32}$/
const [MIN_BYTES, MAX_BYTES, MAX_KEYS] = [32, 256, 16]
const ALGORITHM = { name: 'HMAC', hash: 'SHA-256' }

export class Keyring {
  readonly #keys = new Map<string, Key>()
  /** Of the key that signs: the first. */
  readonly #first: string

  /** @throws TypeError quoting the key that is wrong, and never a secret. */
  constructor(keys: readonly SigningKey[]) {
    if (!Array.isArray(keys) || keys.length === 0 || keys.length > MAX_KEYS)
      throw new TypeError(`\`keys\`: must be a list of 1 to ${MAX_KEYS} keys`)
    for (const [at, key] of keys.entries()) {
      const { id, secret } = (key ?? {}) as Partial<SigningKey>
      if (typeof id !== 'string' || !ID.test(id))
        throw new TypeError(`\`keys.${at}.id\`: must be 1 to 32 letters, digits, _ and -`)
      if (this.#keys.has(id)) throw new TypeError(`\`keys.${at}.id\`: two keys have the id ${id}`)
      this.#keys.set(id, { bytes: bytesOf(secret, at) })
    }
    this.#first = keys[0]!.id as string
  }

  /** The signature of the message, of this moment. */
  async sign(place: Place, body: Uint8Array, at: number): Promise<string> {
    const key = await imported(this.#keys.get(this.#first)!)
    const mac = await crypto.subtle.sign('HMAC', key, signedBytes(place, body, String(at)))
    return `${this.#first}.${at}.${base64url(new Uint8Array(mac))}`
  }

  /** Why the signature does not count, or `undefined` where it does. Takes as long for any wrong one. */
  async fault(place: Place, body: Uint8Array, signature: string): Promise<SignatureFault | undefined> {
    const [id = '', at = '', mac = ''] = signature.split('.')
    const known = this.#keys.get(id)
    if (known === undefined) return 'unknown_key'
    const bytes = signedBytes(place, body, at)
    const given = fromBase64(mac)
    // The last of 43 characters has bits that decoding passes over: one signature, one text.
    if (given === undefined || base64url(given) !== mac) return 'mismatch'
    const isOurs = await crypto.subtle.verify('HMAC', await imported(known), given, bytes)
    return isOurs ? undefined : 'mismatch'
  }
}

async function imported(key: Key): Promise<CryptoKey> {
  return (key.imported ??= await crypto.subtle.importKey('raw', key.bytes, ALGORITHM, false, [
    'sign',
    'verify',
  ]))
}

/**
 * What the HMAC is computed over: a line each for the format, the topic, the moment and the length of the record's key, then
 * that key and the message. The namespace is in the message or in the key. A record without a key counts as one with
 * an empty one, which some proxies cannot tell apart.
 */
function signedBytes({ topic, key }: Place, body: Uint8Array, at: string): Uint8Array<ArrayBuffer> {
  const keyLength = key?.length ?? 0
  const head = encodeUtf8(`kedge-hmac-1\n${topic}\n${at}\n${keyLength}\n`)
  const all = new Uint8Array(head.length + keyLength + body.length)
  all.set(head)
  if (key) all.set(key, head.length)
  all.set(body, head.length + keyLength)
  return all
}

function bytesOf(secret: unknown, at: number): Uint8Array<ArrayBuffer> {
  const bytes = typeof secret === 'string' ? fromBase64(secret) : secret
  // Bytes of any realm: a test's or an iframe's are no instance of the class here.
  const isBytes = ArrayBuffer.isView(bytes) && (bytes as Partial<Uint8Array>).BYTES_PER_ELEMENT === 1
  if (!isBytes || bytes.byteLength < MIN_BYTES || bytes.byteLength > MAX_BYTES)
    throw new TypeError(
      `\`keys.${at}.secret\`: must be ${MIN_BYTES} to ${MAX_BYTES} bytes, or base64 of them`,
    )
  return Uint8Array.from(bytes as Uint8Array)
}

/** The bytes in base64 of either alphabet (RFC 4648, sections 4 and 5), padded or not; `undefined` where it is none. */
function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
    return Uint8Array.from(binary, (each) => each.charCodeAt(0))
  } catch {
    return undefined
  }
}

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '')
