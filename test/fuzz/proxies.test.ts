/** Answers of proxies, recorded and then broken: every adapter resolves with what its port promises, or rejects with a code. */
import { describe, it } from 'vitest'
import { confluent } from '../../adapters/kafka/confluent.ts'
import { gateway as gatewayLog } from '../../adapters/kafka/gateway.ts'
import { karapace } from '../../adapters/kafka/karapace.ts'
import { redpanda } from '../../adapters/kafka/redpanda.ts'
import { strimzi } from '../../adapters/kafka/strimzi.ts'
import { upstash } from '../../adapters/kafka/upstash.ts'
import { warpstream } from '../../adapters/kafka/warpstream.ts'
import { isKedgeError } from '../../src/index.ts'
import { isRefused } from '../../src/ports/errors.ts'
import type { KafkaLog } from '../../src/ports/kafka-log.ts'
import { recording } from '../adapters/kafka/replay/recording.ts'
import { called, run, TIMEOUT } from './campaign.ts'
import type { Dice } from './dice.ts'
import { changedBytes, changedText, NUMBERS, STRINGS, textOf } from './mutation.ts'

const MAX_RESPONSE_BYTES = 200_000
const SECRET = 's3cret-pass'
const TOPIC = 't'

const recorded = ['karapace', 'redpanda', 'strimzi-consumers', 'strimzi-produce', 'strimzi-policies'].flatMap(
  recording,
)
/** Answers word for word. */
const RECORDED = [...new Set(recorded.flatMap(({ answer }) => (answer === null ? [] : [answer])))]
/** Those that stand for what is documented, and of whose like none was recorded: with the topic and offsets asked for. */
const SHAPES: readonly unknown[] = [
  { beginning_offset: 0, end_offset: 12 },
  [{ topic: TOPIC, key: 'NzE=', value: 'eyJ2IjoxfQ==', partition: 0, offset: 3 }, { topic: TOPIC, key: null, value: null, partition: 0, offset: 5, timestamp: 1_700_000_000_000 }],
  { offsets: [{ partition: 0, offset: 7, error_code: null, error: null }], key_schema_id: null, value_schema_id: null },
  { offsets: [{ partition: 0, offset: -1, error_code: 2, error: 'not written' }] },
  { instance_id: 'i1', base_uri: 'http://169.254.169.254/consumers/kedge/instances/i1' },
  { name: TOPIC, configs: {}, partitions: [{ partition: 0 }, { partition: 1 }] },
  { error_code: 40403, message: 'Consumer instance not found.' },
  { error_code: 40401, message: 'Topic not found.' },
  { error_code: 40002, message: 'offset_out_of_range' },
  { kind: 'KafkaClusterList', data: [{ cluster_id: 'lkc-1' }] },
  { error_code: 200, cluster_id: 'lkc-1', topic_name: TOPIC, partition_id: 0, offset: 7 },
  { topics: [{ topic: TOPIC, partitions: [{ partition: 0, error_code: 0, high_watermark: 12, log_start_offset: 0, records: [{ offset: 3, key: 'NzE=', value: 'eyJ2IjoxfQ==', timestamp: '1' }] }] }] },
  [{ topic: TOPIC, partition: 0, offset: 3, timestamp: 1, key: '7', value: '{"v":1}', headers: [] }],
  [{ topic: TOPIC, partition: 0, offset: 12, logId: 'log-1' }],
  { [TOPIC]: 2 },
  { error: 'Unauthorized', status: 401 },
] // prettier-ignore

const PAGE = '<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>'

const HEADERS: readonly (readonly [string, readonly string[]])[] = [
  ['retry-after', ['1', '1e9', '-1', 'Wed, 21 Oct 2015 07:28:00 GMT', 'never', '99999999999999']],
  ['age', ['-5', '1e9', '0', 'x']],
  ['kedge-next-offset', ['12', '-1', '1e3', '0x10', 'x', '9007199254740993', '']],
  ['kedge-log-id', ['log-1', 'log-2', '']],
  ['set-cookie', ['a=b; Path=/', 'x'.repeat(5000), `a=${'y'.repeat(5000)}`, '=', '__proto__=1']],
  ['content-type', ['text/html', 'application/vnd.kafka.v2+json', 'application/json; charset=utf-16']],
  ['content-length', ['0', '99999999']],
  ['location', ['http://169.254.169.254/']],
]

/** What answers which path, by its place among the shapes. */
const FITTING: readonly (readonly [RegExp, readonly number[]])[] = [
  [/\/v3\/clusters$/, [9]],
  [/\/v3\/clusters\/.*records$/, [10]],
  [/kafka\/fetch$/, [11]],
  [/\/fetch$/, [12]],
  [/\/offsets\/(earliest|latest)$/, [13]],
  [/\/partitions\/\d+\/offsets$/, [0]],
  [/\/records$/, [1, 8]],
  [/\/consumers\/[^/]*$/, [4]],
  [/\/topics$/, [14]],
  [/\/produce$/, [13]],
  [/\/topics\/[^/]*$/, [2, 5]],
]

function fittingShape(path: string, dice: Dice): unknown {
  const places = FITTING.find(([pattern]) => pattern.test(path))?.[1]
  return places ? SHAPES[places[0] ?? 0] : dice.pick(SHAPES)
}

function shapeFor(path: string, dice: Dice): unknown {
  const places = FITTING.find(([pattern]) => pattern.test(path))?.[1]
  return places && dice.chance(0.8) ? SHAPES[dice.pick(places)] : dice.pick(SHAPES)
}

function answerOf(path: string, dice: Dice, calm: number): Response {
  // Some calls take several answers: in most of them but one is broken.
  if (dice.chance(calm)) return new Response(textOf(fittingShape(path, dice)))
  const asked = dice.random()
  const status =
    asked < 0.7
      ? 200
      : dice.pick([
          200, 201, 204, 207, 304, 307, 302, 400, 401, 403, 404, 406, 408, 409, 412, 413, 415, 422, 429, 500,
          502, 503, 504, 599,
        ])
  const headers = new Headers()
  for (const [name, values] of HEADERS) if (dice.chance(0.06)) headers.set(name, dice.pick(values))
  const isEmpty = status === 204 || status === 304
  return new Response(isEmpty ? null : (bodyOf(path, dice) as Uint8Array<ArrayBuffer>), { status, headers })
}

function bodyOf(path: string, dice: Dice): Uint8Array {
  const kind = dice.random()
  const encode = (text: string) => new TextEncoder().encode(text)
  const shape = shapeFor(path, dice)
  if (kind < 0.4) return encode(textOf(shape))
  if (kind < 0.6) return encode(changedText(shape, dice))
  if (kind < 0.65) return encode(dice.pick(RECORDED))
  if (kind < 0.75) return changedBytes(encode(dice.pick(RECORDED)), dice, encode(textOf(shape)))
  if (kind < 0.8) return encode(PAGE)
  if (kind < 0.82) return encode(dice.pick([...NUMBERS, ...STRINGS]))
  if (kind < 0.822) return encode(' '.repeat(MAX_RESPONSE_BYTES + 1))
  return changedBytes(encode(textOf(shape)), dice, encode(textOf(dice.pick(SHAPES))))
}

type Make = (fetch: typeof globalThis.fetch) => KafkaLog
const limits = { maxResponseBytes: MAX_RESPONSE_BYTES, requestTimeout: 60_000 }
const url = 'https://proxy.test'
const auth = { username: 'user', password: SECRET }

const ADAPTERS: Readonly<Record<string, Make>> = {
  'confluent v2': (fetch) => confluent({ url, auth, fetch, ...limits }),
  'confluent v3': (fetch) => confluent({ url, auth, fetch, produce: { api: 'v3' }, ...limits }),
  gateway: (fetch) => gatewayLog({ url, auth, fetch, ...limits }),
  karapace: (fetch) => karapace({ url, auth, fetch, ...limits }),
  strimzi: (fetch) => strimzi({ url, auth, fetch, ...limits }),
  redpanda: (fetch) => redpanda({ url, auth, fetch, ...limits }),
  warpstream: (fetch) => warpstream({ url, auth, fetch, ...limits }),
  upstash: (fetch) => upstash({ url, username: 'user', password: SECRET, fetch, ...limits }),
}
const NAMES = Object.keys(ADAPTERS)
const CODES = new Set(['ERR_NETWORK', 'ERR_TIMEOUT', 'ERR_HTTP', 'ERR_AUTH', 'ERR_RATE_LIMITED', 'ERR_PROTOCOL', 'ERR_TOO_LARGE', 'ERR_UNKNOWN_TOPIC', 'ERR_UNSUPPORTED', 'ERR_PUBLISH']) // prettier-ignore

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what)
}

const isOffset = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0

interface Input {
  readonly adapter: string
  readonly call: 'produce' | 'offsets' | 'read'
  readonly said: string[]
}

/** More requests than this for one call is work without end. */
const MAX_REQUESTS = 20_000

async function feed({ adapter, call, said }: Input, dice: Dice): Promise<string> {
  let requests = 0
  const calm = dice.pick([0, 0.7, 0.9])
  const log = ADAPTERS[adapter]!(async (input, init) => {
    const target = new URL(input instanceof Request ? input.url : input)
    must(target.origin === url, `it asks ${target.origin}`)
    must(init?.redirect === 'manual', 'redirects are followed')
    if (++requests > 400) throw new TypeError('the network is gone')
    if (dice.chance(0.01)) throw new TypeError('the network is gone')
    const answer = answerOf(target.pathname, dice, calm)
    if (said.length < 8)
      said.push(`${target.pathname} → ${answer.status} ${(await answer.clone().text()).slice(0, 400)}`)
    return answer
  })
  const positions = [{ partition: 0, offset: 3 }]
  try {
    if (call === 'produce') {
      const value = new Uint8Array([1])
      const written = await log.produce(TOPIC, [{ key: null, value, partition: 0 }])
      must(
        written.length === 1 &&
          written.every(({ partition, offset }) => isOffset(partition) && isOffset(offset)),
        'acknowledged nowhere',
      )
    } else if (call === 'offsets') {
      const all = dice.chance(0.3)
      const bounds = await log.offsets(TOPIC, all ? {} : { partitions: [0] })
      must(all ? bounds.length <= 4096 : bounds.length === 1, 'partitions that were not asked for')
      for (const { partition, beginning, end } of bounds)
        must(
          isOffset(partition) && isOffset(beginning) && isOffset(end) && beginning <= end,
          'bounds of nothing',
        )
    } else {
      const { records, next, outOfRange } = await log.read(TOPIC, positions, {
        maxBytes: 50_000,
        waitMs: 0,
        isolation: 'uncommitted',
      })
      let from = 3
      let bytes = 0
      for (const { partition, offset, key, value, timestamp } of records) {
        must(partition === 0 && isOffset(offset) && offset >= from, 'records out of order')
        from = offset + 1
        bytes += (key?.length ?? 0) + (value?.length ?? 0)
        must(
          [key, value].every((part) => part === null || part instanceof Uint8Array),
          'no bytes',
        )
        must(timestamp === undefined || typeof timestamp === 'number', 'no time')
      }
      must(bytes <= MAX_RESPONSE_BYTES * MAX_REQUESTS, 'more bytes than were sent')
      must(
        next.length === 1 && next[0]?.partition === 0 && next[0].offset >= 3,
        'the next position is behind',
      )
      must(
        outOfRange.every((partition) => partition === 0),
        'a partition that was not asked for',
      )
    }
    return `${adapter} ${call} told`
  } catch (error) {
    if (!isKedgeError(error) || !CODES.has(error.code)) throw error
    const isToldApart = error.code === 'ERR_PUBLISH' || isRefused(error)
    must(call !== 'produce' || isToldApart, `publishing fails with ${error.code}`)
    must(!error.message.includes(SECRET) && error.message.length < 1200, 'it says too much')
    const { retryAfterMs } = error
    must(
      retryAfterMs === undefined || (retryAfterMs >= 0 && retryAfterMs <= 86_400_000),
      `retry after ${retryAfterMs}`,
    )
    return `${adapter} ${call} refused`
  } finally {
    await log.close?.()
    must(requests <= MAX_REQUESTS + 8, `${requests} requests`)
  }
}

describe('an answer of a proxy', () => {
  it(called('proxies', 'is what its protocol promises, or refused with a code'), TIMEOUT, async () => {
    const calls = ['produce', 'offsets', 'read'] as const
    await run<Input>({
      decoder: 'proxies',
      make: (dice) => ({ adapter: dice.pick(NAMES), call: dice.pick(calls), said: [] }),
      feed,
      show: (input) => input,
      sees: NAMES.flatMap((name) =>
        calls.flatMap((call) => {
          // Agents take no records, and give their bounds in several answers that must agree.
          const told = name === 'warpstream' && call === 'produce' ? [] : [`${name} ${call} told`]
          return [...told, `${name} ${call} refused`]
        }),
      ),
    })
  })
})
