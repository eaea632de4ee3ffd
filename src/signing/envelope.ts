/**
 * Where the signature of a message stands in its bytes: in the message itself, because two of the proxies' protocols
 * have no headers (decision 118).
 *
 * What is signed are the exact bytes of the message without its signature: no writer needs a canonical form of JSON.
 * A reader that knows nothing of signatures reads a signed message as any other.
 *
 * @module
 */
import { isGzip, MAX_SIGNATURE_BYTES } from '../wire/codec.ts'

/** A message as it was before it was signed, and its signature as text. */
export interface Sealed {
  readonly body: Uint8Array
  readonly signature: string
}

/** A way to write a signature into bytes. */
interface Format {
  detects(bytes: Uint8Array): boolean
  /** `undefined` where these bytes have no place for one. */
  seal(body: Uint8Array, signature: string): Uint8Array | undefined
  /** `undefined` where there is none. */
  open(bytes: Uint8Array): Sealed | undefined
}

/** A key's id, `.`, milliseconds since the epoch, `.`, base64url of 32 bytes. */
const SIGNATURE = /^[\w-]{1,32}\.\d{1,16}\.[\w-]{43}$/
const latin = (bytes: Uint8Array): string => String.fromCharCode(...bytes)
const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (each) => each.charCodeAt(0))

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

const BRACE = bytesOf('}')
const MEMBER = ',"sig":"'

/** The last member of the object: `{…,"sig":"…"}`. */
const json: Format = {
  detects: ([first]) => first === 0x7b,
  seal(body, signature) {
    // An empty object has no member for the comma to follow.
    if (body.length < 3 || body.at(-1) !== BRACE[0]) return undefined
    return joined(body.subarray(0, -1), bytesOf(`${MEMBER}${signature}"}`))
  },
  open(bytes) {
    const from = Math.max(0, bytes.length - MAX_SIGNATURE_BYTES)
    const tail = latin(bytes.subarray(from))
    const at = tail.lastIndexOf(MEMBER)
    if (at < 0 || !tail.endsWith('"}')) return undefined
    const signature = tail.slice(at + MEMBER.length, -2)
    return { body: joined(bytes.subarray(0, from + at), BRACE), signature }
  },
}

const GZIP_HEADER = 10
/** RFC 1952: the flag of an extra field, and that field's two bytes of length, two of name, two of length. */
const [EXTRA, EXTRA_HEADER, NAME] = [0x04, 6, bytesOf('KS')]

/** A copy, also of a Node `Buffer`, whose `slice` is none. */
function headerOf(bytes: Uint8Array, flags: number): Uint8Array {
  const header = Uint8Array.from(bytes.subarray(0, GZIP_HEADER))
  header[3] = flags
  return header
}

/** A subfield `KS` of the extra field in the header (RFC 1952, section 2.3.1.1): inflating passes over it. */
const gzip: Format = {
  detects: isGzip,
  seal(body, signature) {
    // A header with a checksum, a name or another extra field is not written by any platform's stream.
    if (body.length < GZIP_HEADER || body[3] !== 0) return undefined
    const text = bytesOf(signature)
    const header = headerOf(body, EXTRA)
    const extra = Uint8Array.of(text.length + 4, 0, ...NAME, text.length, 0)
    return joined(header, extra, text, body.subarray(GZIP_HEADER))
  },
  open(bytes) {
    const [size = 0, high, first, second, length, lengthHigh] = bytes.subarray(GZIP_HEADER)
    if (bytes[3] !== EXTRA || first !== NAME[0] || second !== NAME[1]) return undefined
    if (high !== 0 || lengthHigh !== 0 || length !== size - 4) return undefined
    const from = GZIP_HEADER + EXTRA_HEADER
    const body = joined(headerOf(bytes, 0), bytes.subarray(from + length))
    return { body, signature: latin(bytes.subarray(from, from + length)) }
  },
}

/** `fixstr` of three characters: `sig`; then `str 8`. */
const KEY = bytesOf('\u00A3sig\u00D9')
const [FIXMAP, FIXMAP_MOST, MAP_16] = [0x80, 15, 0xde]

/** How many members a MessagePack map says that it has, and where the first of them begins. */
function mapIn([first = 0, high = 0, low = 0]: Uint8Array): { count: number; from: number } | undefined {
  if (first >= FIXMAP && first <= FIXMAP + FIXMAP_MOST) return { count: first - FIXMAP, from: 1 }
  return first === MAP_16 ? { count: high * 256 + low, from: 3 } : undefined
}

const mapHeader = (count: number): Uint8Array =>
  count <= FIXMAP_MOST ? Uint8Array.of(FIXMAP + count) : Uint8Array.of(MAP_16, count >> 8, count & 0xff)

/** The last member of the map. Its number of members is written as short as it can be, in both. */
const messagePack: Format = {
  detects: ([first = 0]) => (first >= 0x80 && first <= 0x8f) || first === 0xde,
  seal(body, signature) {
    const { count, from } = mapIn(body)!
    if (count >= 0xffff || mapHeader(count).length !== from) return undefined
    const text = bytesOf(signature)
    return joined(mapHeader(count + 1), body.subarray(from), KEY, Uint8Array.of(text.length), text)
  },
  open(bytes) {
    const { count, from } = mapIn(bytes)!
    const start = Math.max(from, bytes.length - MAX_SIGNATURE_BYTES)
    const tail = latin(bytes.subarray(start))
    const at = tail.lastIndexOf(latin(KEY))
    if (at < 0 || count === 0) return undefined
    const signature = tail.slice(at + KEY.length + 1)
    if (tail.charCodeAt(at + KEY.length) !== signature.length) return undefined
    return { body: joined(mapHeader(count - 1), bytes.subarray(from, start + at)), signature }
  },
}

const formatOf = (bytes: Uint8Array): Format | undefined =>
  [json, gzip, messagePack].find((each) => each.detects(bytes))

/** The message with its signature in it; `undefined` where it is neither JSON, gzip nor MessagePack. */
export const seal = (body: Uint8Array, signature: string): Uint8Array | undefined =>
  formatOf(body)?.seal(body, signature)

/** The message without its signature, and the signature; `undefined` where it has none. */
export function open(bytes: Uint8Array): Sealed | undefined {
  const sealed = formatOf(bytes)?.open(bytes)
  return sealed && SIGNATURE.test(sealed.signature) ? sealed : undefined
}
