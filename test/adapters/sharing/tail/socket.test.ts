/** A client with a socket: what it answers by what the socket has brought, and when it asks. */
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { tailSocket } from '../../../../adapters/sharing/tail-socket.ts'
import { tail } from '../../../../adapters/sharing/tail.ts'
import type { TailOptions } from '../../../../adapters/sharing/tail.ts'
import { answerTail } from '../../../../adapters/sharing/tail/route.ts'
import { TailState } from '../../../../adapters/sharing/tail/state.ts'
import type { ReadResult } from '../../../../src/ports/kafka-log.ts'
import { Clock } from '../../../../src/runtime/clock.ts'
import { encodeUtf8 } from '../../../../src/wire/codec.ts'
import { fakeRuntime, memory, MemoryLog } from '../../../../src/testing/index.ts'
import type { FakeRuntime } from '../../../../src/testing/index.ts'
import { network } from './fake-sockets.ts'
import type { Frame, Network } from './fake-sockets.ts'

const TOPIC = 'cache-evictions'
const AGE_MS = 666

let runtime: FakeRuntime
let on: MemoryLog
let net: Network
let asked: string[]
beforeEach(() => {
  runtime = fakeRuntime()
  on = new MemoryLog({ now: () => runtime.now(), topics: { [TOPIC]: 1 } })
  const state = new TailState({ log: memory({ on, runtime }), runtime })
  net = network(state, runtime)
  asked = []
  tailState = state
})
let tailState: TailState

function clientOf(options: Partial<TailOptions> = {}) {
  const socket = tailSocket({ connect: net.connect })
  const log = tail({
    origin: memory({ on, runtime }),
    url: 'https://tail.example/base',
    fetch: async (input) => {
      asked.push(new URL(input as string).pathname.slice('/base'.length))
      return answerTail(tailState, new Request(input))
    },
    socket,
    runtime,
    ...options,
  })
  const clock = new Clock(runtime)
  const bounds = async (maxAgeMs = AGE_MS) => {
    const [bound] = await log.offsets(TOPIC, { partitions: [0], maxAgeMs, clock })
    return bound!
  }
  /** Has asked once, and its socket has brought a beat. */
  const ready = async () => {
    await bounds()
    await runtime.advance(50)
    asked.length = 0
  }
  const read = (offset: number, waitMs = 0, maxBytes = 1_000_000) =>
    log.read(TOPIC, [{ partition: 0, offset }], { maxBytes, waitMs, isolation: 'uncommitted' })
  return { log, clock, bounds, ready, read, socket }
}
const append = (text = 'x') => on.append(TOPIC, { key: null, value: encodeUtf8(text), partition: 0 })
const offsets = ({ records }: ReadResult) => records.map(({ offset }) => offset)
const frame = (text: string) => JSON.parse(text) as Frame

describe('a client with a socket', () => {
  it('sends no request in calm, and every answer is young enough', async () => {
    const { bounds, ready, log } = clientOf()
    await ready()
    for (let second = 0; second < 300; second++) {
      const bound = await bounds()
      expect(bound.ageMs).toBeGreaterThan(0)
      expect(bound.ageMs).toBeLessThanOrEqual(AGE_MS)
      await runtime.advance(1000)
    }
    expect(asked).toEqual([])
    expect(net.opened).toHaveLength(1)
    await log.close!()
  })

  it('never tells of an end that was older than it says, on slow ways as well', async () => {
    const { bounds, ready } = clientOf()
    net.delayMs = 90
    await ready()
    await runtime.advance(500)
    const appended: number[] = []
    for (let step = 0; step < 200; step++) {
      append()
      appended.push(runtime.monotonic())
      await runtime.advance(37)
      const t0 = runtime.monotonic()
      const { end, ageMs = 0 } = await bounds()
      const missed = appended[end]
      if (missed !== undefined) expect(t0 - ageMs).toBeLessThanOrEqual(missed)
    }
    expect(asked.length).toBeLessThan(5)
  })

  it('asks where it must be exact', async () => {
    const { bounds, ready } = clientOf()
    await ready()
    append()
    const bound = await bounds(0)
    expect(bound).toMatchObject({ end: 1 })
    expect(bound.ageMs).toBeUndefined()
    expect(asked).toHaveLength(1)
  })

  it('reads by what has come, and asks for what is before it', async () => {
    for (let at = 0; at < 5; at++) append(`${at}`)
    const { ready, read } = clientOf()
    await ready()
    append('5')
    append('6')
    await runtime.advance(50)
    expect(offsets(await read(5))).toEqual([5, 6])
    expect(asked).toEqual([])
    expect(offsets(await read(2))).toEqual([2, 3, 4, 5, 6])
    expect(asked).toHaveLength(1)
  })

  it('reads in parts where there is more than the caller takes', async () => {
    const { ready, read } = clientOf()
    await ready()
    for (let at = 0; at < 5; at++) append('x'.repeat(300))
    await runtime.advance(50)
    const found: number[] = []
    for (let from = 0; from < 5;) {
      const part = await read(from, 0, 500)
      found.push(...offsets(part))
      from = part.next[0]!.offset
    }
    expect(found).toEqual([0, 1, 2, 3, 4])
    expect(asked).toEqual([])
  })

  it('answers a read at the end by a request: what was written since may be on its way', async () => {
    const { ready, read } = clientOf()
    await ready()
    net.delayMs = 200
    append()
    expect(offsets(await read(0))).toEqual([0])
    expect(asked).toHaveLength(1)
  })

  it('ends a long poll with the record, some milliseconds after it is there', async () => {
    const { ready, read } = clientOf()
    await ready()
    const waiting = read(0, 10_000)
    await runtime.advance(700)
    append()
    await runtime.advance(25)
    expect(offsets(await waiting)).toEqual([0])
    expect(asked).toEqual([])
  })

  it('ends a long poll in vain with nothing, with its socket and without one', async () => {
    const { ready, read } = clientOf()
    await ready()
    for (const isAway of [false, true]) {
      net.isAway = isAway
      if (isAway) net.breaks()
      const waiting = read(0, 1000)
      await runtime.advance(1000)
      expect(await waiting).toEqual({ records: [], next: [{ partition: 0, offset: 0 }], outOfRange: [] })
    }
    expect(asked).toEqual([])
  })

  it('ends a long poll that is aborted with the reason', async () => {
    const { ready, log } = clientOf()
    await ready()
    const stop = new AbortController()
    const waiting = log.read(TOPIC, [{ partition: 0, offset: 0 }], {
      maxBytes: 1000,
      waitMs: 10_000,
      isolation: 'uncommitted',
      signal: stop.signal,
    })
    waiting.catch(() => undefined)
    await runtime.advance(10)
    const reason = new Error('enough')
    stop.abort(reason)
    await expect(waiting).rejects.toBe(reason)
  })

  it('asks for beats that suit the age that may be', async () => {
    await clientOf().bounds(AGE_MS)
    await clientOf().bounds(4000)
    const asks = net.opened.map((url) => new URL(url).searchParams.get('beat'))
    expect(asks).toEqual(['499', '1000'])
  })

  it('opens its socket again where a caller needs beats more often', async () => {
    const { bounds } = clientOf()
    await bounds(4000)
    await runtime.advance(50)
    await bounds(400)
    await runtime.advance(50)
    expect(new URL(net.opened.at(-1)!).searchParams.get('beat')).toBe('300')
    asked.length = 0
    for (let at = 0; at < 10; at++) {
      await bounds(400)
      await runtime.advance(400)
    }
    expect(asked).toEqual([])
  })

  it('closes its socket 30 s after the last question, and opens it for the next', async () => {
    const { ready, bounds } = clientOf()
    await ready()
    await runtime.advance(32_000)
    expect(net.feed.size).toBe(0)
    await bounds()
    await runtime.advance(50)
    expect(net.feed.size).toBe(1)
  })

  it('opens none for questions that must be exact', async () => {
    await clientOf().bounds(0)
    await runtime.advance(1000)
    expect(net.opened).toEqual([])
  })

  it('carries its credential as a protocol, and no other way', async () => {
    await clientOf({ auth: { token: 'edge~token' } }).bounds()
    const [, veiled = ''] = net.protocols[0]!
    expect(net.protocols[0]![0]).toBe('kedge.tail')
    expect(Buffer.from(veiled.slice('kedge.auth.'.length), 'base64url').toString()).toBe('Bearer edge~token')
    expect(net.opened[0]).toMatch(/^wss:\/\/tail\.example\/base\/tail\/cache-evictions\/0\/ws\?/)
  })
})

describe('a socket of values', () => {
  const UPDATES = 'cache-updates'
  it('brings what is committed of the topics that are named, and asks for nothing in calm', async () => {
    on.createTopic(UPDATES, { partitions: 1 })
    const origin = memory({ on, runtime })
    const { log, clock } = clientOf({
      origin,
      socket: tailSocket({ connect: net.connect, updates: [UPDATES] }),
    })
    const ask = { partitions: [0], maxAgeMs: AGE_MS, clock }
    const how = { maxBytes: 1000, waitMs: 0, isolation: 'committed' } as const
    await log.offsets(UPDATES, ask)
    await runtime.advance(50)
    on.append(UPDATES, { key: null, value: encodeUtf8('v'), partition: 0 })
    await runtime.advance(50)
    const before = { ...origin.calls }
    expect(await log.offsets(UPDATES, ask)).toMatchObject([{ end: 1 }])
    expect(offsets(await log.read(UPDATES, [{ partition: 0, offset: 0 }], how))).toEqual([0])
    expect(origin.calls).toEqual(before)
    expect(new URL(net.opened[0]!).searchParams.get('committed')).toBe('1')
    // A reader of all records asks the log itself.
    const all = { ...how, isolation: 'uncommitted' } as const
    expect(offsets(await log.read(UPDATES, [{ partition: 0, offset: 0 }], all))).toEqual([0])
    expect(origin.calls.read).toBe(before.read + 1)
  })

  it('that is named among those of the tail as well is a TypeError', () => {
    expect(() => clientOf({ socket: tailSocket({ updates: [TOPIC] }) })).toThrow(/`updates`: cache-evictions/)
  })
})

describe('a socket that breaks', () => {
  it('holds no read up that has something to read: it is asked for', async () => {
    const { ready, bounds, read } = clientOf()
    await ready()
    net.isAway = true
    net.breaks()
    append('a')
    await bounds(0)
    expect(offsets(await read(0, 5000))).toEqual([0])
  })

  it('costs a request a poll until it is open again, from where it was', async () => {
    const { ready, bounds, read, socket } = clientOf()
    await ready()
    append('a')
    await runtime.advance(50)
    net.isAway = true
    net.breaks()
    await runtime.advance(1500)
    append('b')
    await runtime.advance(300)
    expect(await bounds()).toMatchObject({ end: 2 })
    expect(asked).toHaveLength(1)
    net.isAway = false
    await runtime.advance(20_000)
    asked.length = 0
    expect(await bounds()).toMatchObject({ end: 2 })
    expect(offsets(await read(0))).toEqual([0, 1])
    expect(asked).toEqual([])
    expect(new URL(net.opened.at(-1)!).searchParams.get('from')).toBe('1')
    expect(socket.stats().broken).toBeGreaterThan(1)
  })

  it('is opened again after longer and longer pauses', async () => {
    const { bounds } = clientOf()
    net.isAway = true
    for (let second = 0; second < 120; second++) {
      await bounds()
      await runtime.advance(1000)
    }
    expect(net.opened.length).toBeGreaterThan(6)
    expect(net.opened.length).toBeLessThan(16)
  })

  it('without a word is noticed by its silence', async () => {
    const { ready, bounds, socket } = clientOf()
    await ready()
    net.isCut = true
    await runtime.advance(2000)
    await bounds()
    expect(asked).toHaveLength(1)
    await runtime.advance(5000)
    expect(socket.stats()).toMatchObject({ live: 0, broken: 1 })
  })

  it('while it opens, ends as well', async () => {
    const { bounds, socket } = clientOf()
    net.isCut = true
    await bounds()
    await runtime.advance(8000)
    expect(socket.stats().broken).toBeGreaterThan(0)
  })
})

describe('what a socket brings counts for nothing', () => {
  const spoils: Record<string, (text: string) => unknown> = {
    'where records are missing before it': (text) => {
      const { base, b } = frame(text)
      return base === 0 || b?.end === 1 ? undefined : text
    },
    'where a beat is ahead of the records': (text) => {
      const { b } = frame(text)
      return b ? JSON.stringify({ b: { ...b, end: b.end + 5 } }) : text
    },
    'where it is of another log': (text) => text.replace(/"log":"[^"]*"/, '"log":"forged"'),
    'where it is no JSON': (text) => text.slice(1),
    'where it is another object': () => '{"hello":"world"}',
    'where it is bytes': (text) => encodeUtf8(text),
    'where it is too large': (text) => text + ' '.repeat(2_000_001),
    'where records are in no order': (text) =>
      frame(text).r ? '{"r":[[1,null,null],[0,null,null]],"base":0,"next":2}' : text,
    'where a beat begins beyond its end': (text) => text.replace('"beginning":0', '"beginning":99'),
  }
  it.each(Object.keys(spoils))('%s: the tail is asked', async (what) => {
    const { ready, bounds, read, socket } = clientOf()
    await ready()
    net.onFrame = spoils[what]!
    append('a')
    await runtime.advance(30)
    append('b')
    await runtime.advance(1500)
    const bound = await bounds()
    expect(bound).toMatchObject({ end: 2 })
    expect(asked).toHaveLength(1)
    expect(offsets(await read(0))).toEqual([0, 1])
    expect(socket.stats().refused).toBeGreaterThan(0)
    expect(socket.stats().live).toBe(0)
  })

  it('where the echo is of a question that was never asked', async () => {
    net.onFrame = (text) => (frame(text).p === undefined ? text : text.replace(/"p":\d+/, '"p":99'))
    const { ready, bounds } = clientOf()
    await ready()
    const { ageMs } = await bounds()
    await runtime.advance(2000)
    // The echo of the first request tells as much.
    expect((await bounds()).ageMs).toBeGreaterThanOrEqual(ageMs! - 500)
    expect(asked).toEqual([])
  })

  it('where the clock of the caller has stepped back, until an echo has come', async () => {
    const { ready, bounds } = clientOf()
    await ready()
    runtime.stepClocks(-400)
    await bounds()
    expect(asked).toHaveLength(1)
    await runtime.advance(4000)
    await bounds()
    expect(asked).toHaveLength(1)
  })

  it('where the tail has begun another life, until an echo has come', async () => {
    const { ready, bounds } = clientOf()
    await ready()
    net.onFrame = (text) =>
      text.replace(/"life":"[^"]*"/, '"life":"another"').replace(/^\{"p".*/, '{"p":0,"life":"x","theirs":0}')
    await runtime.advance(2000)
    await bounds()
    expect(asked).toHaveLength(1)
  })

  it('where the log was made anew: the new one is asked for, and followed', async () => {
    append('old')
    const { ready, bounds, read } = clientOf()
    await ready()
    on.recreateTopic(TOPIC)
    append('new')
    await runtime.advance(1500)
    const { logId } = await bounds()
    expect(asked).toHaveLength(1)
    await runtime.advance(1500)
    asked.length = 0
    expect(await bounds()).toMatchObject({ logId, end: 1 })
    append('newer')
    await runtime.advance(50)
    expect(offsets(await read(1))).toEqual([1])
    expect(asked).toEqual([])
  })

  it('where retention has taken what comes next', async () => {
    const { ready, bounds } = clientOf()
    await ready()
    net.isAway = true
    net.breaks()
    for (let at = 0; at < 9; at++) append()
    on.truncate(TOPIC, 0, 5)
    net.isAway = false
    await runtime.advance(3000)
    expect(await bounds()).toMatchObject({ beginning: 5, end: 9 })
    expect(asked).toHaveLength(1)
  })
})

describe('options of a socket', () => {
  const origin = memory({})
  it.each<[string, () => unknown, RegExp]>([
    ['one that is none', () => tailSocket({ sockets: 1 } as object), /`sockets` is not an option/],
    ['no function', () => tailSocket({ connect: 1 as never }), /`connect`: must be a function/],
    [
      'no address of a tail',
      () => tail({ origin, ask: async () => new Response(), socket: tailSocket() }),
      /`socket`: must be given with `url`/,
    ],
    [
      'a platform whose sockets end with their request',
      () =>
        tail({
          origin,
          url: 'https://tail.example',
          socket: tailSocket(),
          runtime: fakeRuntime({ isolatesRequests: true }),
        }),
      /`socket`: on this platform/,
    ],
  ])('with %s is a TypeError that quotes it', (_, make, says) => {
    expect(make).toThrow(TypeError)
    expect(make).toThrow(says)
  })

  it('has no way to open one where the platform has none, and says so at once', () => {
    vi.stubGlobal('WebSocket', undefined)
    try {
      expect(() => tailSocket()).toThrow(/^`connect`: must be given where there is no WebSocket/)
      expect(() => tailSocket({ connect: net.connect })).not.toThrow()
    } finally {
      vi.unstubAllGlobals()
    }
  })
})
