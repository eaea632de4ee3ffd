/** Hostile texts: tokens, durations, heads of items, base64, JSON one after another. Read, or refused as documented. */
import { describe, it } from 'vitest'
import { fromBase64 } from '../../adapters/kafka/rest/base64.ts'
import { parseSequence } from '../../adapters/kafka/confluent/json-sequence.ts'
import { decodeHead, encodeHead } from '../../adapters/stores/shared/item-head.ts'
import { decodeVersionItem } from '../../adapters/stores/memcached/version-item.ts'
import { decodeItem, encodeItem } from '../../adapters/stores/memcached/tier-item.ts'
import { printable } from '../../adapters/kafka/rest/problem.ts'
import { fromText, toText } from '../../adapters/kafka/upstash/text.ts'
import { encodeUtf8 } from '../../src/wire/codec.ts'
import { durationMs, MAX_DURATION_MS } from '../../src/runtime/duration.ts'
import { isKedgeError } from '../../src/index.ts'
import { formatToken, joinTokens, parseToken } from '../../src/wire/token.ts'
import type { Duration } from '../../src/runtime/duration.ts'
import { called, run, TIMEOUT } from './campaign.ts'
import type { Dice } from './dice.ts'
import { changedBytes, changedLine, NUMBERS, STRINGS } from './mutation.ts'

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what)
}

const TOKENS = [
  'k1.0-42',
  'k1.0-42.7-9007199254740991',
  'k1.99999-0.0-1.0-7',
  `k1${Array.from({ length: 100 }, (_, at) => `.${at}-${at * 1000}`).join('')}`,
]

function token(text: string): string {
  let positions: ReadonlyMap<number, number>
  try {
    positions = parseToken(text)
  } catch (error) {
    if (isKedgeError(error) && error.code === 'ERR_TOKEN' && error.message.length < 60) return 'refused'
    throw error
  }
  must(positions.size > 0 && text.length <= 4096, 'a token of nothing, or of too much, is taken')
  for (const [partition, offset] of positions)
    must(
      partition >= 0 && partition <= 99_999 && Number.isSafeInteger(offset) && offset >= 0,
      'it stands nowhere',
    )
  const again = parseToken(formatToken(positions))
  must(
    [...positions].every(([partition, offset]) => again.get(partition) === offset),
    'it comes back as another one',
  )
  must(joinTokens(text, text) === formatToken(positions), 'joined with itself it is another one')
  return 'read'
}

type Read = (dice: Dice) => () => boolean

const HEADS = [
  encodeHead({ asOf: 42, version: undefined, logId: undefined }),
  encodeHead({ asOf: 0, version: 7.5, logId: 'log-é' }),
]
const ITEMS = HEADS.map((head) => encodeUtf8(`${head}\n{"v":1}`))
const SEQUENCES = [
  '{"error_code":200,"offset":1}\r\n{"error_code":200,"offset":2}',
  '{"a":"}{"},{"b":"\\"}"}',
  '{"a":{"b":[{}]}}',
  '',
]
const DURATIONS = ['500ms', '10s', '1.5m', '2h', '24d', '0s']

/** Each draws an input, and returns what reads it: whether it was taken. */
const READERS: Readonly<Record<string, Read>> = {
  duration: (dice) => {
    const given = dice.chance(0.5)
      ? changedLine(dice.pick(DURATIONS), dice)
      : dice.chance(0.5)
        ? dice.pick(STRINGS)
        : Number(dice.pick(NUMBERS))
    return () => {
      try {
        const ms = durationMs(given as Duration, 'ttl')
        must(Number.isSafeInteger(ms) && ms >= 0 && ms <= MAX_DURATION_MS, `${ms} ms`)
        return true
      } catch (error) {
        must(error instanceof TypeError && error.message.startsWith('`ttl` must be'), String(error))
        return false
      }
    }
  },
  head: (dice) => {
    const text = changedLine(dice.pick(HEADS), dice)
    return () => {
      const head = decodeHead(text)
      if (!head) return false
      must(Number.isSafeInteger(head.asOf) && head.asOf >= 0, `as of ${head.asOf}`)
      must(head.version === undefined || Number.isFinite(head.version), `version ${head.version}`)
      must(/^[\x20-\x7e]*$/.test(encodeHead(head)), 'it is not ASCII')
      return decodeHead(encodeHead(head))?.asOf === head.asOf
    }
  },
  item: (dice) => {
    const item = changedBytes(dice.pick(ITEMS), dice)
    return () => {
      const found = decodeItem(item)
      if (!found) return false
      must(
        Number.isSafeInteger(found.asOf) && found.asOf >= 0 && found.bytes.length < item.length,
        'an item of nothing',
      )
      return decodeItem(encodeItem(found)) !== undefined
    }
  },
  companion: (dice) => {
    const bytes = changedBytes(encodeUtf8('[3,42,7]'), dice)
    return () => {
      const found = decodeVersionItem(bytes)
      if (found)
        must([found.generation, ...found.version].every(Number.isFinite), 'a version that is no number')
      return found !== undefined
    }
  },
  sequence: (dice) => {
    const text = changedLine(dice.pick(SEQUENCES), dice)
    return () => {
      try {
        must(
          parseSequence(text).every((each) => typeof each === 'object' && each !== null),
          'something else than objects',
        )
        return true
      } catch (error) {
        must(error instanceof SyntaxError, String(error))
        return false
      }
    }
  },
  base64: (dice) => {
    const text = changedLine('eyJ2IjoxfQ==', dice)
    return () => {
      const bytes = fromBase64(text)
      must(bytes === undefined || bytes.length <= text.length, 'more bytes than characters')
      return bytes !== undefined
    }
  },
  text: (dice) => {
    const bytes = changedBytes(encodeUtf8('\ufeffkedge-base64:eyJ2IjoxfQ=='), dice)
    return () => {
      const again = fromText(toText(bytes))
      must(
        again.length === bytes.length && again.every((byte, at) => byte === bytes[at]),
        'other bytes come back',
      )
      const lenient = changedLine(`kedge-base64:eyJ2IjoxfQ==`, dice)
      must(fromText(lenient).length <= 3 * lenient.length, 'more bytes than characters')
      return true
    }
  },
  said: (dice) => {
    const text = changedLine(`token s3cret ${dice.pick(STRINGS)}\n${dice.pick(STRINGS)}`, dice)
    return () => {
      const said = printable(text, ['s3cret'])
      must(!/[\p{Cc}\p{Cf}]/u.test(said) && said.length <= 201, 'it is not one short line')
      // What reads as the secret once its control characters are gone was not the secret that was sent.
      return !said.includes('s3cret') || !text.includes('s3cret')
    }
  },
}
const KINDS = Object.keys(READERS)

describe('a text', () => {
  it(called('tokens', 'is a token, or refused as none'), TIMEOUT, async () => {
    await run({
      decoder: 'tokens',
      make: (dice, kept) =>
        kept ?? (dice.chance(0.05) ? dice.pick(TOKENS) : changedLine(dice.pick(TOKENS), dice)),
      feed: token,
      show: (text) => text,
      sees: ['read', 'refused'],
    })
  })

  it(called('texts', 'is read, or refused as documented'), TIMEOUT, async () => {
    await run({
      decoder: 'texts',
      make: (dice) => {
        const kind = dice.pick(KINDS)
        return { kind, read: READERS[kind]!(dice) }
      },
      feed: ({ kind, read }) => `${kind} ${read() ? 'taken' : 'refused'}`,
      show: ({ kind }) => kind,
      sees: KINDS.flatMap((kind) => [
        `${kind} taken`,
        ...(kind === 'text' || kind === 'said' ? [] : [`${kind} refused`]),
      ]),
    })
  })
})
