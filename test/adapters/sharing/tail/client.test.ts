/** The client of a tail: when it asks, what it adopts of others, and what it never does. */
import { beforeEach, describe, expect, it } from 'vitest'
import { tail } from '../../../../adapters/sharing/tail.ts'
import type { TailOptions } from '../../../../adapters/sharing/tail.ts'
import { answerTail } from '../../../../adapters/sharing/tail/route.ts'
import { TailState } from '../../../../adapters/sharing/tail/state.ts'
import type { KafkaLog } from '../../../../src/ports/kafka-log.ts'
import { Clock } from '../../../../src/runtime/clock.ts'
import { encodeUtf8 } from '../../../../src/wire/codec.ts'
import { fakeRuntime, memory, MemoryLog } from '../../../../src/testing/index.ts'
import type { FakeRuntime, MemoryKafka } from '../../../../src/testing/index.ts'
import { memoryStore } from './memory-store.ts'
import type { MemoryProofs } from './memory-store.ts'

const SECRET = 'c2VjcmV0'.repeat(6)
const TOPIC = 'cache-evictions'
const PLACE = `${TOPIC}/0`

let runtime: FakeRuntime
let on: MemoryLog
let origin: MemoryKafka
let state: TailState
let asked: string[]
let store: MemoryProofs
beforeEach(() => {
  runtime = fakeRuntime()
  on = new MemoryLog({ now: () => runtime.now() })
  origin = memory({ on, runtime })
  state = new TailState({ log: memory({ on, runtime }), runtime })
  asked = []
  store = memoryStore()
})

function clientOf(options: Partial<TailOptions> = {}) {
  const log = tail({
    origin,
    ask: async (path) => {
      asked.push(path)
      return answerTail(state, new Request(`https://tail.example${path}`))
    },
    runtime,
    ...options,
  })
  const clock = new Clock(runtime)
  const bounds = async (maxAgeMs: number) => {
    const [bound] = await log.offsets(TOPIC, { partitions: [0], maxAgeMs, clock })
    return bound!
  }
  return { log, clock, bounds }
}
const shared = (more: Partial<TailOptions> = {}) => clientOf({ store, secret: SECRET, ...more })
const append = (text = 'x') => on.append(TOPIC, { key: null, value: encodeUtf8(text), partition: 0 })
const read = (log: KafkaLog, offset: number, maxBytes = 1_000_000) =>
  log.read(TOPIC, [{ partition: 0, offset }], { maxBytes, waitMs: 0, isolation: 'uncommitted' })

describe('a proof of others', () => {
  it('is adopted where an echo tells that it is young enough: the tail is not asked', async () => {
    const [one, two] = [shared(), shared()]
    await two.bounds(600)
    await one.bounds(600)
    await one.log.settled!()
    asked.length = 0
    await runtime.advance(200)
    const bound = await two.bounds(600)
    expect(asked).toEqual([])
    expect(bound.ageMs).toBeGreaterThanOrEqual(200)
    expect(bound.ageMs).toBeLessThanOrEqual(260)
  })

  it('is as old as the way of its answer was long, beside the time since then', async () => {
    const slow = async (path: string) => {
      const answer = await answerTail(state, new Request(`https://tail.example${path}`))
      await runtime.sleep(300)
      return answer
    }
    const { bounds, log } = shared({ ask: slow })
    const first = bounds(2000)
    await runtime.advance(300)
    await first
    await log.settled!()
    expect((await bounds(60_000)).ageMs).toBeGreaterThanOrEqual(300)
  })

  it('is not adopted by a client that never asked this life of the tail', async () => {
    const one = shared()
    await one.bounds(600)
    await one.log.settled!()
    asked.length = 0
    await shared().bounds(600)
    expect(asked).toHaveLength(1)
  })

  it('is not adopted once it is older than allowed', async () => {
    const one = shared()
    await one.bounds(600)
    await one.log.settled!()
    asked.length = 0
    await runtime.advance(600)
    await one.bounds(600)
    expect(asked).toHaveLength(1)
  })

  it('is not adopted once the clock of the client has stepped back', async () => {
    const one = shared()
    await one.bounds(600)
    await one.log.settled!()
    asked.length = 0
    runtime.stepClocks(-5000)
    await one.bounds(600)
    expect(asked).toHaveLength(1)
  })

  it('of another log than the reads are of takes no part in a read that is under way', async () => {
    const { bounds, log } = shared()
    for (let at = 0; at < 5; at++) append(`old ${at}`)
    await bounds(0)
    await log.settled!()
    const [stale] = store.entries.get(PLACE)!
    await read(log, 5)
    on.recreateTopic(TOPIC)
    for (let at = 0; at < 3; at++) append(`new ${at}`)
    await bounds(0)
    store.entries.set(PLACE, [stale!])
    // Another poll looks into the store meanwhile.
    expect(await bounds(600)).toMatchObject({ end: 5 })
    const { records, outOfRange } = await read(log, 0)
    expect(outOfRange).toEqual([])
    expect(records.map(({ value }) => new TextDecoder().decode(value!))).toEqual(['new 0', 'new 1', 'new 2'])
  })

  it('is not adopted where the caller gives no clock', async () => {
    const one = shared()
    await one.bounds(600)
    await one.log.settled!()
    const [bound] = await one.log.offsets(TOPIC, { partitions: [0], maxAgeMs: 600 })
    expect(asked.at(-1)).toContain('max_age=0')
    expect(bound!.ageMs).toBeUndefined()
  })

  it('comes with its records, which one read gets', async () => {
    const [one, two] = [shared(), shared()]
    await two.bounds(600)
    append('first')
    await runtime.advance(300)
    await one.bounds(400)
    await one.log.settled!()
    await two.bounds(600)
    asked.length = 0
    const { records, next } = await read(two.log, 0)
    expect(records.map(({ value }) => new TextDecoder().decode(value!))).toEqual(['first'])
    expect(next).toEqual([{ partition: 0, offset: 1 }])
    expect(asked).toEqual([])
    append('second')
    await one.bounds(0)
    asked.length = 0
    expect((await read(two.log, 0)).records).toHaveLength(2)
    expect(asked).toHaveLength(1)
  })

  it('is read in parts where it is larger than the caller takes', async () => {
    for (let time = 0; time < 5; time++) append('x'.repeat(300))
    const { log, clock } = clientOf()
    await log.offsets(TOPIC, { partitions: [0], maxAgeMs: 0, clock })
    const offsets: number[] = []
    for (let from = 0; from < 5;) {
      const { records, next } = await read(log, from, 500)
      expect(records.length).toBeGreaterThan(0)
      offsets.push(...records.map(({ offset }) => offset))
      from = next[0]!.offset
    }
    expect(offsets).toEqual([0, 1, 2, 3, 4])
  })
})

describe('the store', () => {
  it('gets a proof after the cache has it, and never the echo of a question', async () => {
    const { bounds, log } = shared()
    await bounds(600)
    expect(store.entries.size).toBe(0)
    await log.settled!()
    const [, document = ''] = store.entries.get(PLACE)!.at(-1)!.split('\n')
    expect(JSON.parse(document)).toMatchObject({ v: 1, end: 0 })
    expect(document).not.toMatch(/theirs|question/)
  })

  it('gets also what was asked for exactly: nothing is fresher', async () => {
    const { bounds, log } = shared()
    await bounds(0)
    await log.settled!()
    expect(store.entries.get(PLACE)).toHaveLength(1)
  })

  it('gets what the newest records are, in 64 KiB', async () => {
    const { bounds, log } = shared()
    await bounds(600)
    for (let time = 0; time < 60; time++) append('x'.repeat(1500))
    await bounds(0)
    await log.settled!()
    const entry = store.entries.get(PLACE)!.at(-1)!
    expect(entry.length).toBeLessThanOrEqual(65_536)
    expect(entry.length).toBeGreaterThan(30_000)
  })

  const spoils: Record<string, (entry: string) => string> = {
    'a later moment': (entry) =>
      entry.replace(/"at":(\d+)/, (_, at: string) => `"at":${Number(at) + 60_000}`),
    'a further end': (entry) => entry.replace(/"end":\d+,"base":\d+,"next":\d+/, '"end":9,"base":9,"next":9'),
    'no signature': (entry) => entry.slice(entry.indexOf('\n')),
    'no line break': (entry) => entry.replace('\n', ''),
    'half of it': (entry) => entry.slice(0, entry.length / 2),
    'much more': (entry) => entry + ' '.repeat(70_000),
    nothing: () => '',
  }
  it.each(Object.keys(spoils))('with %s in it counts as empty', async (what) => {
    const { bounds, log } = shared()
    await bounds(600)
    await log.settled!()
    store.entries.set(PLACE, [spoils[what]!(store.entries.get(PLACE)!.at(-1)!)])
    asked.length = 0
    await runtime.advance(10)
    expect(await bounds(600)).toMatchObject({ end: 0 })
    expect(asked).toHaveLength(1)
  })

  it('with a proof of another place in it counts as empty', async () => {
    const { bounds, log } = shared({ topics: [TOPIC, 'other'] })
    await bounds(600)
    await log.settled!()
    store.entries.set('other/0', store.entries.get(PLACE)!)
    append()
    asked.length = 0
    await log
      .offsets('other', { partitions: [0], maxAgeMs: 600, clock: new Clock(runtime) })
      .catch(() => undefined)
    expect(asked[0]).toMatch(/^\/tail\/other\/0/)
  })

  it('of clients with another secret counts as empty', async () => {
    const [one, two] = [shared(), shared({ secret: 'YW5vdGhlcg=='.repeat(4).replaceAll('=', 'A') })]
    await two.bounds(600)
    await one.bounds(600)
    await one.log.settled!()
    asked.length = 0
    await two.bounds(600)
    expect(asked).toHaveLength(1)
  })

  it('that fails costs a question and no error, reading and writing', async () => {
    const broken = {
      get: () => Promise.reject(new Error('get')),
      put: () => Promise.reject(new Error('put')),
    }
    const { bounds, log } = shared({ store: broken })
    expect(await bounds(600)).toMatchObject({ end: 0 })
    await log.settled!()
  })

  it('that never answers holds a poll up for half a second', async () => {
    const hangs = {
      get: () => new Promise<never>(() => undefined),
      put: () => new Promise<never>(() => undefined),
    }
    const { bounds, log } = shared({ store: hangs })
    const bound = bounds(600)
    await runtime.advance(500)
    expect(await bound).toMatchObject({ end: 0 })
    const left = log.settled!()
    await runtime.advance(2000)
    await left
  })

  it('that never answers takes no time from the tail, which has its own deadline', async () => {
    const hangs = { get: () => new Promise<never>(() => undefined), put: async () => undefined }
    const slow = async (path: string) => {
      await runtime.sleep(1900)
      return answerTail(state, new Request(`https://tail.example${path}`))
    }
    const { bounds } = shared({ store: hangs, ask: slow, requestTimeout: '2s' })
    const bound = bounds(600)
    bound.catch(() => undefined)
    await runtime.advance(2400)
    expect(await bound).toMatchObject({ end: 0 })
  })
})

describe('the tail', () => {
  it('is asked for a third of the age where its answer is handed on, else for all of it', async () => {
    await shared().bounds(600)
    await clientOf().bounds(600)
    expect(asked.map((path) => new URL(path, 'https://x').searchParams.get('max_age'))).toEqual([
      '200',
      '600',
    ])
  })

  it('that gives the answer to another question fails the poll', async () => {
    const kept: Response[] = []
    const { bounds } = clientOf({
      ask: async (path) => {
        kept.push(await answerTail(state, new Request(`https://tail.example${path}`)))
        return kept[0]!.clone()
      },
    })
    await bounds(0)
    await expect(bounds(0)).rejects.toMatchObject({ code: 'ERR_PROTOCOL' })
  })

  it.each<[string, number, string]>([
    ['overloaded', 503, 'ERR_HTTP'],
    ['busy', 429, 'ERR_RATE_LIMITED'],
    ['closed to this client', 403, 'ERR_AUTH'],
    ['another service', 200, 'ERR_PROTOCOL'],
  ])('that is %s fails the poll: the origin is never asked in its place', async (_, status, code) => {
    const { bounds } = clientOf({ ask: async () => new Response('<html>', { status }) })
    const before = origin.calls.offsets
    await expect(bounds(600)).rejects.toMatchObject({ code })
    expect(origin.calls.offsets).toBe(before)
  })

  it('that never answers fails the poll after the deadline', async () => {
    const { bounds } = clientOf({ ask: () => new Promise(() => undefined), requestTimeout: '2s' })
    const bound = bounds(600)
    bound.catch(() => undefined)
    await runtime.advance(2000)
    await expect(bound).rejects.toMatchObject({ code: 'ERR_TIMEOUT', retryable: true })
  })

  it('takes no writes, and reads of no other topic: those are the origin’s', async () => {
    const { log } = clientOf()
    await log.produce('cache-updates', [{ key: null, value: encodeUtf8('x'), partition: 0 }])
    expect(await log.offsets('cache-updates', { partitions: [0] })).toMatchObject([{ end: 1 }])
    const how = { maxBytes: 1000, waitMs: 0, isolation: 'committed' } as const
    expect((await log.read('cache-updates', [{ partition: 0, offset: 0 }], how)).records).toHaveLength(1)
    expect(asked).toEqual([])
  })

  it('is asked for records that the proof does not have, of the log that the proof is of', async () => {
    for (let time = 0; time < 3; time++) append(`${time}`)
    const { bounds, log } = clientOf()
    await bounds(0)
    expect((await read(log, 0)).records).toHaveLength(3)
    on.recreateTopic(TOPIC)
    for (let time = 0; time < 3; time++) append(`new ${time}`)
    // As long as the tail has not seen that it is another one.
    const { records } = await read(log, 0)
    expect(records.map(({ value }) => new TextDecoder().decode(value!))).toEqual(['0', '1', '2'])
    await clientOf().bounds(0)
    expect(await read(log, 0)).toMatchObject({ records: [], outOfRange: [0] })
  })
})

describe('options of tail()', () => {
  const given = (options: object) => () => tail({ origin, url: 'https://tail.example', ...options })
  it.each<[string, object, RegExp]>([
    ['neither an address nor a way to ask', { url: undefined }, /`url`: exactly one/],
    ['both', { ask: async () => new Response() }, /`url`: exactly one/],
    ['a store without a secret', { store: memoryStore() }, /`secret`: must be given with `store`/],
    ['a secret without a store', { secret: SECRET }, /`secret`: signs what is in `store`, which is missing/],
    ['a short secret', { store: memoryStore(), secret: 'c2hvcnQ=' }, /`secret`: must be 32 to 256 bytes/],
    ['no topics', { topics: [] }, /`topics`/],
    ['a drift beyond reason', { driftPpm: 1e6 }, /`driftPpm`/],
    ['an option that there is none of', { tails: 1 }, /`tails` is not an option of tail\(\)/],
    ['no origin', { origin: undefined }, /`origin`/],
  ])('with %s is a TypeError that quotes it and no secret', (_, options, says) => {
    expect(given(options)).toThrow(TypeError)
    expect(given(options)).toThrow(says)
    expect(given(options)).not.toThrow(/c2hvcnQ/)
  })
})
