/** What Redis, Memcached and Lambda hand over: replies of broken servers, foreign items, forged events. */
import { describe, it } from 'vitest'
import { kafkaEventRecords } from '../../adapters/events/lambda-event.ts'
import { MetaFailure } from '../../adapters/stores/memcached/meta.ts'
import { ReplyReader } from '../../adapters/stores/memcached/reply-reader.ts'
import type { RedisConnection, RedisReply } from '../../adapters/stores/redis/connection.ts'
import { proposalOf, readState } from '../../adapters/stores/redis/sink-state.ts'
import { answerOf, together } from '../../adapters/stores/redis/tier-answer.ts'
import { encodeUtf8 } from '../../src/wire/codec.ts'
import { isKedgeError } from '../../src/index.ts'
import { called, run, TIMEOUT } from './campaign.ts'
import type { Dice } from './dice.ts'
import { changedBytes, changedLine, changedText, joined, NUMBERS, randomBytes, STRINGS } from './mutation.ts'

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what)
}

/** The error of a decoder that refuses, by its code; anything else is thrown on. */
function refusal(error: unknown): string {
  if (isKedgeError(error) && error.code === 'ERR_PROTOCOL') return 'refused'
  throw error
}

const REPLIES = ['HD\r\n', `VA 100 c9\r\n${'x'.repeat(100)}\r\n`, 'VA 5 c12 s5\r\nhello\r\n', 'VA 0\r\n\r\n', 'EN\r\n', 'NS\r\n', 'EX c7\r\n', 'NF\r\n', 'STORED\r\n', 'SERVER_ERROR out of memory storing object\r\n', 'CLIENT_ERROR bad command line format\r\n', 'VA 9999999999\r\n', 'VA 100000\r\n', 'VA 12 k__proto__\r\n\r\n\r\nVA 5\r\n\r\n\r\n'].map(encodeUtf8) // prettier-ignore
const MAX_VALUE = 64

function memcached(bytes: Uint8Array, dice: Dice): string {
  let replies = 0
  let held = 0
  const reader = new ReplyReader(MAX_VALUE, (reply) => {
    replies++
    if (reply instanceof MetaFailure) return
    must(reply.value === undefined || reply.code === 'VA', 'a value where none is')
    must((reply.value?.length ?? 0) <= MAX_VALUE, 'a value that is too large')
    must(reply.cas === undefined || /^\d{1,20}$/.test(reply.cas), 'a CAS that is none')
    held += reply.value?.length ?? 0
  })
  try {
    for (let at = 0; at < bytes.length;) {
      const end = at + 1 + dice.below(dice.chance(0.5) ? 4 : bytes.length)
      reader.push(bytes.subarray(at, end))
      at = end
    }
  } catch (error) {
    return refusal(error)
  } finally {
    must(held <= bytes.length && replies <= bytes.length, 'more came out than went in')
  }
  return replies > 0 ? 'read' : 'waits'
}

const ITEM = 'k1 v 42 7.5 1 g1 -\n{"v":1,"op":"put"}'
const KEYS = ['7', '__proto__', 'eu/8']

function redisWord(dice: Dice): RedisReply {
  const text = dice.pick([
    '42',
    'log-1',
    'g1',
    '-1',
    '7',
    'epoch',
    'generation',
    'p:0',
    'p:1',
    'log',
    ...NUMBERS,
    ...STRINGS,
  ])
  switch (dice.below(8)) {
    case 0:
      return null
    case 1:
      return dice.pick([0, -1, 2 ** 53, Number.NaN])
    case 2:
      return dice.chance(0.3) ? [] : encodeUtf8(changedLine(ITEM, dice))
    case 3:
      return randomBytes(dice, 32)
    case 4:
      return text
    default:
      return encodeUtf8(text)
  }
}

const words = (dice: Dice, most: number): RedisReply[] =>
  Array.from({ length: dice.below(most) }, () => redisWord(dice))

function redisReply(dice: Dice): RedisReply {
  if (dice.chance(0.1)) return redisWord(dice)
  const state = dice.chance(0.6)
    ? ['42', 'log-1', 'g1', '3', '4'].map((text) => encodeUtf8(text))
    : words(dice, 8)
  const items = KEYS.map(() => (dice.chance(0.5) ? changedBytes(encodeUtf8(ITEM), dice) : redisWord(dice)))
  return dice.chance(0.9) ? [state, dice.chance(0.8) ? items : words(dice, 9)] : words(dice, 4)
}

async function redis(replies: readonly RedisReply[], dice: Dice): Promise<string> {
  try {
    const answer = together(replies.map((reply) => answerOf(reply, KEYS)))
    const { applied, items } = answer
    must(
      applied === undefined || (Number.isSafeInteger(applied.position) && applied.position >= 0),
      'a position that is none',
    )
    for (const [key, { asOf, covered }] of items) {
      must(KEYS.includes(key), 'a key that was not asked for')
      must(Number.isSafeInteger(asOf) && asOf >= 0 && typeof covered === 'boolean', 'an item of no time')
      must(!covered || applied !== undefined, 'covered by no position')
    }
    return items.size > 0 ? 'items' : 'none'
  } catch (error) {
    return refusal(error)
  } finally {
    await stateOf(replies, dice)
  }
}

const FIELDS = ['epoch', 'e1', 'generation', '7', 'log', 'log-1', 'p:0', '42', 'p:1', '9']

async function stateOf(replies: readonly RedisReply[], dice: Dice): Promise<void> {
  const fields: RedisReply[] = FIELDS.map((text) => (dice.chance(0.15) ? redisWord(dice) : encodeUtf8(text)))
  const connection: RedisConnection = {
    name: 'redis',
    cluster: false,
    binary: true,
    maxPipelineBytes: 1_000_000,
    pipeline: async (commands) => commands.map(() => (dice.chance(0.9) ? fields : (replies[0] ?? null))),
  }
  try {
    const stored = await readState(connection, ['a', 'b'].slice(dice.below(2)), new AbortController().signal)
    for (const [partition, position] of stored?.positions ?? [])
      must(
        Number.isSafeInteger(partition) && Number.isSafeInteger(position) && position >= 0,
        'a position that is none',
      )
  } catch (error) {
    refusal(error)
  }
  try {
    const proposal = proposalOf([...replies, fields])
    must(/^\d+$/.test(proposal.generation), 'a generation that is no number')
  } catch (error) {
    refusal(error)
  }
}

const EVENT = {
  eventSource: 'aws:kafka',
  records: {
    'cache-writes-0': [
      {
        topic: 'cache-writes',
        partition: 0,
        offset: 15,
        timestamp: 1_700_000_000_000,
        key: 'dXNlcnMvNw==',
        value: 'eyJ2IjoxfQ==',
        headers: [],
      },
      { topic: 'cache-writes', partition: 0, offset: 16, key: null },
    ],
    'other-1': [{ topic: 'other', partition: 1, offset: 0, key: '', value: null }],
  },
}

function lambda(text: string): string {
  let event: unknown
  try {
    event = JSON.parse(text)
  } catch {
    event = text
  }
  try {
    for (const { partition, offset, key, value, timestamp } of kafkaEventRecords(event)) {
      must(
        Number.isSafeInteger(partition) && partition >= 0 && Number.isSafeInteger(offset) && offset >= 0,
        'a record of nowhere',
      )
      must(
        [key, value].every((part) => part === null || part instanceof Uint8Array),
        'no bytes',
      )
      must(timestamp === undefined || Number.isFinite(timestamp), 'no time')
    }
    return 'read'
  } catch (error) {
    if (error instanceof Error && error.message.length > 1000)
      throw new Error('it quotes too much', { cause: error })
    return refusal(error)
  }
}

describe('what another system hands over', () => {
  it(
    called('memcached', 'is a reply of Memcached, or refused; never more than asked for is kept'),
    TIMEOUT,
    async () => {
      await run({
        decoder: 'memcached',
        make: (dice) => {
          const stream = joined(...Array.from({ length: 1 + dice.below(5) }, () => dice.pick(REPLIES)))
          return dice.chance(0.1)
            ? stream
            : dice.chance(0.02)
              ? randomBytes(dice, 6000)
              : changedBytes(stream, dice)
        },
        feed: memcached,
        show: (bytes) => bytes,
        sees: ['read', 'waits', 'refused'],
      })
    },
  )

  it(called('redis', 'is what a script of ours returns, or a miss, or refused'), TIMEOUT, async () => {
    await run({
      decoder: 'redis',
      make: (dice) => Array.from({ length: 1 + dice.below(3) }, () => redisReply(dice)),
      feed: redis,
      show: (replies) => replies,
      sees: ['items', 'none', 'refused'],
    })
  })

  it(called('lambda', 'is an event of Kafka, or refused'), TIMEOUT, async () => {
    await run({
      decoder: 'lambda',
      make: (dice) => (dice.chance(0.03) ? JSON.stringify(EVENT) : changedText(EVENT, dice)),
      feed: lambda,
      show: (text) => text,
      sees: ['read', 'refused'],
    })
  })
})
