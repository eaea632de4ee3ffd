/**
 * Messages as bytes: JSON by default, another codec where one is given, gzip above a size.
 *
 * A reader tells them apart by their first bytes, so it needs no agreement with the writer: gzip begins with
 * `1f 8b` (RFC 1952), JSON objects with `{`. Inflating is bounded: a kilobyte of gzip can hold a gigabyte.
 *
 * @module
 */
import type { KafkaLog } from '../ports/kafka-log.ts'
import { KedgeError } from '../ports/errors.ts'

/** A way of writing messages. `messagePack()` of `kedge/adapters/messagepack` is another one. */
export interface Codec {
  readonly name: string
  encode(value: unknown): Uint8Array
  /** Throws when the bytes are not what it writes. */
  decode(bytes: Uint8Array): unknown
  /** Whether the bytes look like what it writes. */
  detects(bytes: Uint8Array): boolean
}

export interface PackOptions {
  readonly codec: Codec
  readonly gzipAboveBytes: number
  readonly maxMessageBytes: number
  /** To which the message is written. */
  readonly log?: Pick<KafkaLog, 'signedTopics'>
}

/** The most bytes that a signature, and what stands around it, adds to a message. */
export const MAX_SIGNATURE_BYTES: number = 32 + 1 + 16 + 1 + 43 + 16

const encoder = /* @__PURE__ */ new TextEncoder()
const [QUOTE, BACKSLASH] = [0x22, 0x5c]
const strictDecoder = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true })
/** For keys, in which a byte order mark is a character like any other. */
const keyDecoder = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export const encodeUtf8 = (text: string): Uint8Array => encoder.encode(text)

/** Whether the bytes are this text, which is ASCII: without decoding them. */
export function isAscii(bytes: Uint8Array, text: string): boolean {
  if (bytes.length !== text.length) return false
  for (let at = 0; at < bytes.length; at++) if (bytes[at] !== text.charCodeAt(at)) return false
  return true
}

/** The text of UTF-8 bytes, or `undefined` where they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return keyDecoder.decode(bytes)
  } catch {
    return undefined
  }
}

/**
 * Arrays and objects within one another, at most: deeper ones overflow the stack that serialises them again.
 */
export const MAX_JSON_DEPTH = 500

export const json: Codec = {
  name: 'json',
  encode: (value) => shallow(encoder.encode(JSON.stringify(value))),
  decode: (bytes) => JSON.parse(strictDecoder.decode(shallow(bytes))) as unknown,
  // JSON has no first bytes of its own: it is tried when no other codec detects the bytes.
  detects: () => true,
}

/** The bytes themselves. @throws KedgeError `ERR_CODEC` where they are JSON that is nested too deep. */
function shallow<B extends Uint8Array>(bytes: B): B {
  // Most messages have not even the bytes for it.
  if (bytes.length <= MAX_JSON_DEPTH) return bytes
  let depth = 0
  let inString = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (inString) {
      if (byte === BACKSLASH) at++
      else if (byte === QUOTE) inString = false
    } else if (byte === QUOTE) inString = true
    else if (byte === 0x5b || byte === 0x7b) depth++
    else if (byte === 0x5d || byte === 0x7d) depth--
    if (depth > MAX_JSON_DEPTH)
      throw new KedgeError('ERR_CODEC', `JSON is nested deeper than ${MAX_JSON_DEPTH} levels`)
  }
  return bytes
}

/**
 * A message as bytes.
 * @throws KedgeError `ERR_CODEC` when it cannot be encoded, `ERR_TOO_LARGE` when it is beyond `maxMessageBytes`.
 */
export async function pack(message: unknown, options: PackOptions): Promise<Uint8Array> {
  let bytes: Uint8Array
  try {
    bytes = options.codec.encode(message)
  } catch (cause) {
    throw new KedgeError('ERR_CODEC', `the ${options.codec.name} codec cannot encode this value`, { cause })
  }
  // The bound is on what a reader must inflate, so it is checked before compression. One that knows of no signatures reads
  // them, too.
  const length = bytes.length + (options.log?.signedTopics ? MAX_SIGNATURE_BYTES : 0)
  if (length > options.maxMessageBytes) {
    throw new KedgeError(
      'ERR_TOO_LARGE',
      `a message of ${length} bytes is larger than \`maxMessageBytes\` (${options.maxMessageBytes})`,
    )
  }
  return bytes.length > options.gzipAboveBytes ? gzip(bytes) : bytes
}

/**
 * The message in the bytes.
 * @throws KedgeError `ERR_CODEC` when they cannot be read, `ERR_TOO_LARGE` when they inflate beyond the bound.
 */
export async function unpack(bytes: Uint8Array, codec: Codec, maxMessageBytes: number): Promise<unknown> {
  if (!isGzip(bytes)) return unpackPlain(bytes, codec, maxMessageBytes)
  const plain = await gunzip(bytes, maxMessageBytes).catch((cause: unknown) => {
    throw unreadable(cause)
  })
  return unpackPlain(plain, codec, maxMessageBytes)
}

/**
 * The message in bytes that are not compressed.
 * @throws KedgeError `ERR_CODEC` when they cannot be read, `ERR_TOO_LARGE` when there are more than the bound.
 */
export function unpackPlain(bytes: Uint8Array, codec: Codec, maxMessageBytes: number): unknown {
  if (bytes.length > maxMessageBytes) throw tooLarge(maxMessageBytes)
  try {
    return codec !== json && codec.detects(bytes) ? codec.decode(bytes) : json.decode(bytes)
  } catch (cause) {
    throw unreadable(cause)
  }
}

const unreadable = (cause: unknown): KedgeError =>
  cause instanceof KedgeError
    ? cause
    : new KedgeError('ERR_CODEC', 'the message is neither JSON nor of the codec', {
        cause,
      })

export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b

const gzip = (bytes: Uint8Array): Promise<Uint8Array> =>
  through(new CompressionStream('gzip'), bytes, Infinity)

const gunzip = (bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> =>
  through(new DecompressionStream('gzip'), bytes, maxBytes)

async function through(
  transform: CompressionStream | DecompressionStream,
  bytes: Uint8Array,
  maxBytes: number,
): Promise<Uint8Array> {
  const reader = new Blob([bytes as BlobPart]).stream().pipeThrough(transform).getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    length += value.length
    if (length > maxBytes) {
      // Cancelling propagates to the decompressor, which then inflates no further.
      await reader.cancel().catch(() => undefined)
      throw tooLarge(maxBytes)
    }
    chunks.push(value)
  }
  const all = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all
}

const tooLarge = (maxBytes: number) =>
  new KedgeError('ERR_TOO_LARGE', `a message is larger than \`maxMessageBytes\` (${maxBytes})`)
