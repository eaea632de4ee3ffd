/** Checks the replies of kedge's scripts. @module */
import { KedgeError } from '../../../src/ports/errors.ts'
import { decodeUtf8 } from '../../../src/wire/codec.ts'
import type { RedisReply } from './connection.ts'

/** Text, or `undefined` where there is none. */
export function textOf(reply: RedisReply | undefined): string | undefined {
  if (typeof reply === 'string') return reply
  return reply instanceof Uint8Array ? decodeUtf8(reply) : undefined
}

/** @throws KedgeError `ERR_PROTOCOL` */
export function listOf(reply: RedisReply | undefined): readonly RedisReply[] {
  if (Array.isArray(reply)) return reply as readonly RedisReply[]
  throw new KedgeError('ERR_PROTOCOL', 'Redis sent a reply that the script does not return')
}

/** A whole number that was written as decimal digits, or `undefined`. */
export function wholeOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,16}$/.test(text)) return undefined
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : undefined
}
