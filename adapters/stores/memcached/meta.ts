/** Memcached's meta commands (protocol.txt of memcached 1.6, "Meta Commands"), as requests and replies. @module */
import { encodeUtf8 } from '../../../src/wire/codec.ts'

/** `key` is what a protocol line may hold: see `key.ts`. */
export interface MetaRequest {
  readonly verb: 'mg' | 'ms' | 'md'
  readonly key: string
  /** Each a letter with its token: `C17`. */
  readonly flags: readonly string[]
  /** The data of `ms`. */
  readonly value?: Uint8Array
}

export interface MetaReply {
  /** Done, a value, a miss, not stored, exists already with another CAS, or not found. */
  readonly code: 'HD' | 'VA' | 'EN' | 'NS' | 'EX' | 'NF'
  /** The CAS token, where the request has the flag `c`. 64 bits: never a number. */
  readonly cas: string | undefined
  /** Of `VA`; `undefined` too where it is larger than what is read. */
  readonly value: Uint8Array | undefined
}

/** An error that the server answers instead of a reply: `SERVER_ERROR out of memory storing object`. */
export class MetaFailure {
  readonly message: string

  constructor(message: string) {
    this.message = message
  }
}

const CRLF = encodeUtf8('\r\n')

/** All requests as one run of bytes. */
export function encodeRequests(requests: readonly MetaRequest[]): Uint8Array {
  const parts: Uint8Array[] = []
  for (const { verb, key, flags, value } of requests) {
    const size = verb === 'ms' ? [String(value?.length ?? 0)] : []
    parts.push(encodeUtf8(`${[verb, key, ...size, ...flags].join(' ')}\r\n`))
    if (verb === 'ms') parts.push(value ?? new Uint8Array(), CRLF)
  }
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** The bytes that a request takes, about. */
export const sizeOf = ({ key, value }: MetaRequest): number => 3 * key.length + (value?.length ?? 0) + 64
