/** Segments: what a proof has no room for comes out of the store, and never with a gap. */
import { setImmediate } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import type { ProofStore, TailOptions } from '../../../../adapters/sharing/tail.ts'
import { STORE_LIMITS } from '../../../../adapters/sharing/tail/limits.ts'
import { answerTail } from '../../../../adapters/sharing/tail/route.ts'
import { decodeSegment, encodeSegment } from '../../../../adapters/sharing/tail/segments.ts'
import { TailState } from '../../../../adapters/sharing/tail/state.ts'
import { tailLog } from '../../../../adapters/sharing/tail/tail-log.ts'
import type { KafkaLog } from '../../../../src/ports/kafka-log.ts'
import { Clock } from '../../../../src/runtime/clock.ts'
import { encodeUtf8 } from '../../../../src/wire/codec.ts'
import { fakeRuntime, memory, MemoryLog } from '../../../../src/testing/index.ts'
import type { FakeRuntime } from '../../../../src/testing/index.ts'
import { memoryStore } from './memory-store.ts'
import type { MemoryProofs } from './memory-store.ts'

const SECRET = 'c2VjcmV0'.repeat(6)
const TOPIC = 'cache-evictions'

let runtime: FakeRuntime
let on: MemoryLog
let state: TailState
let asked: string[]
let store: MemoryProofs
beforeEach(() => {
  runtime = fakeRuntime()
  on = new MemoryLog({ now: () => runtime.now() })
  state = new TailState({ log: memory({ on, runtime }), runtime })
  asked = []
  store = memoryStore()
})

function clientOf(options: Partial<TailOptions> = {}) {
  const log = tailLog(
    {
      origin: memory({ on, runtime }),
      ask: async (path) => {
        asked.push(path)
        return answerTail(state, new Request(`https://tail.example${path}`))
      },
      runtime,
      store,
      secret: SECRET,
      ...options,
    },
    STORE_LIMITS,
  )
  const clock = new Clock(runtime)
  const bounds = async (maxAgeMs: number) => {
    const [bound] = await log.offsets(TOPIC, { partitions: [0], maxAgeMs, clock })
    return bound!
  }
  return { log, bounds }
}

let appended = 0
function append(count: number, text = 'x'.repeat(90)) {
  for (let time = 0; time < count; time++)
    on.append(TOPIC, { key: null, value: encodeUtf8(`${appended++} ${text}`), partition: 0 })
}

/** Reads on until the end, as a follower does. */
async function readTo(log: KafkaLog, from: number, end: number): Promise<number[]> {
  const offsets: number[] = []
  for (let offset = from; offset < end;) {
    const { records, next, outOfRange } = await log.read(TOPIC, [{ partition: 0, offset }], {
      maxBytes: 1_000_000,
      waitMs: 0,
      isolation: 'uncommitted',
    })
    if (outOfRange.length > 0) throw new Error(`${offset} is out of range`)
    offsets.push(...records.map((record) => record.offset))
    offset = next[0]!.offset
  }
  return offsets
}
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => from + at)
const segments = () => [...store.entries.keys()].filter((name) => name.split('/').length > 2)
const recordsAsked = () => asked.filter((path) => path.includes('/records'))

/** One client that asks, and one that has a place in the log and an echo, and is 1,500 records behind what the first has put. */
async function twoClients(options: Partial<TailOptions> = {}) {
  const [asker, adopter] = [clientOf(options), clientOf()]
  for (const { bounds, log } of [asker, adopter]) {
    const { end } = await bounds(0)
    await readTo(log, 0, end)
  }
  for (let time = 0; time < 3; time++) {
    append(500)
    await runtime.advance(100)
    const { end } = await asker.bounds(0)
    await readTo(asker.log, end - 500, end)
    await asker.log.settled!()
  }
  asked.length = 0
  return { asker, adopter }
}

describe('segments', () => {
  it('spare the tail a read where a proof has no room for what an isolate lacks', async () => {
    const { adopter } = await twoClients()
    const { end, ageMs } = await adopter.bounds(60_000)
    expect(ageMs).toBeGreaterThan(0)
    expect(await readTo(adopter.log, 0, end)).toEqual(range(0, 1500))
    expect(asked).toEqual([])
  })

  it('are whole: what is put has each record of its offsets', async () => {
    await twoClients()
    expect(segments()).toHaveLength(5)
    for (const name of segments()) {
      const base = Number(name.split('/').at(-1)) * 256
      const document = store.entries.get(name)!.at(-1)!.split('\n')[1]!
      const run = decodeSegment(document, base, base + 256)!
      expect(run.records.map(({ offset }) => offset)).toEqual(range(base, base + 256))
    }
  })

  it('are not put where a proof has room for all', async () => {
    const { bounds, log } = clientOf()
    await bounds(0)
    append(60)
    await bounds(0)
    await log.settled!()
    expect(store.entries.size).toBe(1)
  })

  const spoils: Record<string, (name: string, entry: string) => string | undefined> = {
    'is missing': () => undefined,
    'is cut': (_, entry) => entry.slice(0, entry.length / 2),
    'lacks a record': (_, entry) => entry.replace(/\[\d+,null,"[^"]+",\d+\],/, ''),
    'is longer than a segment may be': (_, entry) => entry + ' '.repeat(300_000),
    'has no signature': (_, entry) => entry.slice(entry.indexOf('\n')),
    'is another one': (name) => {
      const [, topic, log, number] = /^(.*)\/([^/]+)\/(\d+)$/.exec(name)!
      return store.entries.get(`${topic}/${log}/${(Number(number) + 1) % 5}`)?.at(-1)
    },
  }
  it.each(Object.keys(spoils))('of which one %s cost questions, and never a record', async (how) => {
    const { adopter } = await twoClients()
    const spoiled = segments()[2]!
    const entry = spoils[how]!(spoiled, store.entries.get(spoiled)!.at(-1)!)
    if (entry === undefined) store.entries.delete(spoiled)
    else store.entries.set(spoiled, [entry])
    const { end } = await adopter.bounds(60_000)
    expect(await readTo(adopter.log, 0, end)).toEqual(range(0, 1500))
    expect(recordsAsked()).toHaveLength(1)
  })

  it('of a log that was made anew are not those of the log before', async () => {
    const { asker, adopter } = await twoClients()
    const before = segments().length
    on.recreateTopic(TOPIC)
    appended = 10_000
    append(700)
    const { end } = await asker.bounds(0)
    expect(end).toBe(700)
    await asker.log.settled!()
    await adopter.bounds(0)
    const { records } = await adopter.log.read(TOPIC, [{ partition: 0, offset: 400 }], {
      maxBytes: 1_000_000,
      waitMs: 0,
      isolation: 'uncommitted',
    })
    expect(new TextDecoder().decode(records[0]!.value!)).toMatch(/^10400 /)
    expect(segments().length).toBeGreaterThanOrEqual(before)
  })

  it('that the store lacked are there for those who come after', async () => {
    const { adopter } = await twoClients()
    for (const name of segments()) store.entries.delete(name)
    const { end } = await adopter.bounds(60_000)
    await readTo(adopter.log, 0, end)
    await adopter.log.settled!()
    expect(recordsAsked()).toHaveLength(1)
    expect(segments()).toHaveLength(5)
  })

  it('are put before the proof that needs them', async () => {
    const order: string[] = []
    const watched: ProofStore = {
      get: (...what) => store.get(...what),
      put: async (...what) => {
        // A proof that did not wait for them would overtake segments here.
        if (what[0].split('/').length > 2) for (let turn = 0; turn < 5; turn++) await setImmediate()
        order.push(what[0])
        await store.put(...what)
      },
    }
    await twoClients({ store: watched })
    const proofs = order.flatMap((name, at) => (name.split('/').length === 2 ? [at] : []))
    expect(proofs.at(-1)).toBe(order.length - 1)
    expect(order.filter((name) => name.split('/').length > 2)).toHaveLength(5)
  })

  it('that hang or fail cost half a second at most, and a question', async () => {
    const { adopter } = await twoClients()
    const { end } = await adopter.bounds(60_000)
    store.get = () => new Promise<never>(() => undefined)
    const reading = readTo(adopter.log, 0, end)
    await runtime.advance(500)
    expect(await reading).toEqual(range(0, 1500))
    expect(recordsAsked()).toHaveLength(1)
  })

  it('are eight at most for one answer, and none that takes more than 256 KiB', async () => {
    const { bounds, log } = clientOf()
    await bounds(0)
    append(4096)
    await bounds(0)
    await log.settled!()
    expect(segments().length).toBe(8)
    store.entries.clear()
    await runtime.advance(6000)
    const large = clientOf()
    await large.bounds(0)
    append(600, 'x'.repeat(1100))
    await large.bounds(0)
    await large.log.settled!()
    expect(segments()).toEqual([])
  })

  it('is none where the document is not that of its place', () => {
    const run = { base: 256, next: 512, records: [{ offset: 300, key: null, value: encodeUtf8('x') }] }
    expect(decodeSegment(encodeSegment(run), 256, 512)).toEqual(run)
    for (const [base, next] of [
      [0, 256],
      [256, 500],
      [0, 512],
    ] as const)
      expect(decodeSegment(encodeSegment(run), base, next)).toBeUndefined()
    for (const text of ['', '{', '[]', 'null', '{"v":2,"base":256,"next":512,"records":[]}'])
      expect(decodeSegment(text, 256, 512)).toBeUndefined()
  })
})
