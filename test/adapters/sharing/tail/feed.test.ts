/** The sockets of a tail: what they are sent, in which order, and when they end. */
import { beforeEach, describe, expect, it } from 'vitest'
import { feedTerms, TailFeed } from '../../../../adapters/sharing/tail/feed.ts'
import { TailState } from '../../../../adapters/sharing/tail/state.ts'
import { KedgeError } from '../../../../src/ports/errors.ts'
import { encodeUtf8 } from '../../../../src/wire/codec.ts'
import { fakeRuntime, memory, MemoryLog } from '../../../../src/testing/index.ts'
import type { FakeRuntime, MemoryKafka } from '../../../../src/testing/index.ts'
import { ServerSocket } from './fake-sockets.ts'

const TOPIC = 'cache-evictions'

let runtime: FakeRuntime
let on: MemoryLog
let log: MemoryKafka
let state: TailState
let feed: TailFeed
beforeEach(() => {
  runtime = fakeRuntime()
  on = new MemoryLog({ now: () => runtime.now(), topics: { [TOPIC]: 1 } })
  log = memory({ on, runtime })
  state = new TailState({ log, runtime })
  feed = new TailFeed({ state, runtime })
})

const append = (text = 'x') => on.append(TOPIC, { key: null, value: encodeUtf8(text), partition: 0 })
async function opened(query = 'from=0', topic = TOPIC) {
  const socket = new ServerSocket()
  const session = feed.open(socket, feedTerms(topic, 0, new URLSearchParams(query)))
  await runtime.advance(0)
  return { socket, session }
}
/** Each beat, with the end up to which records were sent before it. */
function provenBefore({ frames }: ServerSocket): [end: number, sent: number][] {
  let sent = 0
  const found: [number, number][] = []
  for (const { b, next } of frames) {
    if (next !== undefined) sent = next
    if (b) found.push([b.end, sent])
  }
  return found
}

describe('a socket of a tail', () => {
  it('is sent a beat in each interval that it asks for, also where nothing is new', async () => {
    const { socket } = await opened('from=0&beat=500')
    await runtime.advance(5000)
    expect(socket.beats.length).toBeGreaterThanOrEqual(10)
    expect(socket.beats.length).toBeLessThanOrEqual(12)
    expect(socket.texts.filter((text) => text.includes('"r"'))).toEqual([])
  })

  it('ends after 90 seconds without a question also while the log is away', async () => {
    let isAway = false
    const offsets: typeof log.offsets = async (...terms) => {
      if (isAway) throw new KedgeError('ERR_NETWORK', 'gone', { retryable: true })
      return log.offsets(...terms)
    }
    feed = new TailFeed({ state: new TailState({ log: { ...log, offsets }, runtime }), runtime })
    const { socket } = await opened()
    isAway = true
    await runtime.advance(120_000)
    expect(socket.closed).toMatchObject({ code: 1001 })
    expect(feed.size).toBe(0)
  })

  it('is sent each record once, in order, and at once', async () => {
    const { socket } = await opened()
    for (let at = 0; at < 5; at++) {
      append(`${at}`)
      await runtime.advance(25)
      expect(socket.offsets).toHaveLength(at + 1)
    }
    expect(socket.offsets).toEqual([0, 1, 2, 3, 4])
  })

  it('is sent no beat before all records below its end', async () => {
    const { socket } = await opened()
    for (let at = 0; at < 40; at++) {
      append()
      await runtime.advance(at * 7)
    }
    const proven = provenBefore(socket)
    expect(proven.length).toBeGreaterThan(30)
    for (const [end, sent] of proven) expect(sent).toBeGreaterThanOrEqual(end)
    expect(proven.at(-1)![0]).toBe(40)
  })

  it('that begins before what the tail holds is sent all from there on, without a gap', async () => {
    for (let at = 0; at < 700; at++) append('x'.repeat(2000))
    const { socket } = await opened('from=10')
    await runtime.advance(3000)
    expect(socket.offsets).toEqual(Array.from({ length: 690 }, (_, at) => at + 10))
    let next = 10
    for (const frame of socket.frames)
      if (frame.r) {
        expect(frame.base).toBe(next)
        next = frame.next!
      }
    for (const [end, sent] of provenBefore(socket)) expect(sent).toBeGreaterThanOrEqual(end)
    expect(socket.beats.at(-1)!.end).toBe(700)
    expect(Math.max(...socket.texts.map((text) => text.length))).toBeLessThan(400_000)
  })

  it('that is far behind costs the others nothing', async () => {
    for (let at = 0; at < 700; at++) append()
    const near = await opened('from=700')
    await runtime.advance(1000)
    const far = await opened('from=0')
    append()
    await runtime.advance(30)
    expect(near.socket.offsets).toEqual([700])
    await runtime.advance(2000)
    expect(far.socket.offsets).toHaveLength(701)
  })

  it('of committed records is sent none of a transaction before that ends, and none that was aborted', async () => {
    const committed = new TailState({ log, runtime, isolation: 'committed' })
    feed = new TailFeed({ state: committed, runtime })
    const { socket } = await opened()
    append('a')
    const [lasting, aborted] = [on.begin(), on.begin()]
    const record = { key: null, value: encodeUtf8('b'), partition: 0 }
    lasting.append(TOPIC, record)
    aborted.append(TOPIC, record)
    await runtime.advance(3000)
    expect(socket.offsets).toEqual([0])
    expect(socket.beats.at(-1)!.end).toBe(1)
    aborted.abort()
    lasting.commit()
    await runtime.advance(30)
    expect(socket.offsets).toEqual([0, 1])
    await runtime.advance(1000)
    for (const [end, sent] of provenBefore(socket)) expect(sent).toBeGreaterThanOrEqual(end)
    expect(socket.beats.at(-1)!.end).toBeGreaterThan(3)
    expect(socket.closed).toBeUndefined()
  })

  it('gets an echo that its question came after', async () => {
    const { socket, session } = await opened()
    await runtime.advance(300)
    session.heard('{"p":7}')
    const { life, theirs } = socket.frames.find(({ p }) => p === 7)!
    expect(life).toBe(state.stats().life)
    expect(theirs).toBeGreaterThanOrEqual(runtime.monotonic())
    expect(theirs).toBeLessThan(runtime.monotonic() + 30)
  })
})

describe('a socket of a tail ends', () => {
  const slow = async () => {
    const { socket } = await opened()
    socket.bufferedAmount = 2 ** 20 + 1
    await runtime.advance(1500)
    return socket
  }
  it('where its client takes too little', async () => {
    const socket = await slow()
    expect(socket.frames.at(-1)).toEqual({ x: 'slow' })
    expect(socket.closed?.code).toBe(1001)
    expect(feed.size).toBe(0)
  })

  it('where its client takes too little of what is old', async () => {
    for (let at = 0; at < 1000; at++) append('x'.repeat(2000))
    const socket = new ServerSocket()
    socket.onSend = (text) => void (socket.bufferedAmount += text.length)
    feed.open(socket, feedTerms(TOPIC, 0, new URLSearchParams('from=0')))
    await runtime.advance(7000)
    expect(socket.frames.at(-1)).toEqual({ x: 'slow' })
    expect(socket.texts.reduce((sum, text) => sum + text.length, 0)).toBeLessThan(1_000_000)
  })

  it('where the log is another one than it names', async () => {
    const { socket } = await opened('from=0&log=another')
    expect(socket.frames).toEqual([{ x: 'replaced' }])
  })

  it('where the log is made anew', async () => {
    append()
    const { socket } = await opened('from=1')
    on.recreateTopic(TOPIC)
    append()
    await runtime.advance(1500)
    expect(socket.frames.at(-1)).toEqual({ x: 'replaced' })
    expect(socket.offsets).toEqual([])
  })

  it('where it begins beyond the end of the log, after no beat', async () => {
    const { socket } = await opened('from=9')
    await runtime.advance(4000)
    expect(socket.frames).toEqual([{ x: 'replaced' }])
  })

  it('where retention has taken what it has not got', async () => {
    for (let at = 0; at < 700; at++) append()
    on.truncate(TOPIC, 0, 600)
    const { socket } = await opened('from=5')
    expect(socket.frames).toEqual([{ x: 'truncated' }])
  })

  it.each<[string, unknown]>([
    ['no JSON', '{'],
    ['another object', '{"q":1}'],
    ['a number that is none', '{"p":1.5}'],
    ['a long text', `{"p":1${' '.repeat(100)}}`],
    ['bytes', undefined],
  ])('where it sends %s', async (_, text) => {
    const { socket, session } = await opened()
    session.heard(text)
    expect(socket.closed?.code).toBe(1008)
  })

  it('where it asks more than ten times in a second, and not where it asks so often in more', async () => {
    const { socket, session } = await opened()
    const ask = (times: number) => {
      for (let at = 0; at < times; at++) session.heard(`{"p":${at}}`)
    }
    for (let second = 0; second < 3; second++) {
      ask(10)
      await runtime.advance(1000)
    }
    expect(socket.closed).toBeUndefined()
    ask(11)
    expect(socket.closed?.code).toBe(1008)
  })

  it('where nothing is heard of its client for 90 s', async () => {
    const [calm, mute] = [await opened(), await opened()]
    for (let at = 0; at < 4; at++) {
      await runtime.advance(30_000)
      calm.session.heard('{"p":1}')
    }
    expect(mute.socket.closed).toEqual({ code: 1001, reason: 'nothing was heard' })
    expect(calm.socket.closed).toBeUndefined()
  })

  it('after an hour, so that its credential is looked at anew', async () => {
    const { socket, session } = await opened('from=0&beat=10000')
    for (let at = 0; at < 80 && !socket.closed; at++) {
      await runtime.advance(60_000)
      session.heard('{"p":1}')
      if (at < 58) expect(socket.closed).toBeUndefined()
    }
    expect(socket.closed?.code).toBe(1001)
  })

  it('where the tail stops, and one that opens then ends at once', async () => {
    const { socket } = await opened()
    feed.close()
    expect(socket.closed).toEqual({ code: 1001, reason: 'the tail is stopping' })
    expect((await opened()).socket.closed?.code).toBe(1001)
    expect(feed.size).toBe(0)
  })

  it('where there is no such topic', async () => {
    on = new MemoryLog({ now: () => runtime.now(), autoCreate: false })
    state = new TailState({ log: memory({ on, runtime }), runtime })
    feed = new TailFeed({ state, runtime })
    const { socket } = await opened('from=0', 'absent')
    expect(socket.closed).toEqual({ code: 1008, reason: 'ERR_UNKNOWN_TOPIC' })
  })
})

describe('a tail with sockets', () => {
  it('samples the log once for all of them', async () => {
    for (let at = 0; at < 50; at++) await opened('from=0&beat=500')
    const before = log.calls.offsets
    await runtime.advance(10_000)
    expect(log.calls.offsets - before).toBeLessThanOrEqual(21)
  })

  it('asks nothing once the last has gone', async () => {
    const { session } = await opened()
    await runtime.advance(1000)
    session.ended()
    await runtime.advance(2000)
    const before = log.calls.offsets + log.calls.read
    await runtime.advance(20_000)
    expect(log.calls.offsets + log.calls.read).toBe(before)
    expect(runtime.sleeping).toBe(0)
  })

  it('sends no beat while the log is away, and goes on where it was', async () => {
    const { socket } = await opened()
    log.fail(new KedgeError('ERR_NETWORK', 'away', { retryable: true }))
    await runtime.advance(5000)
    const before = socket.beats.length
    await runtime.advance(5000)
    expect(socket.beats).toHaveLength(before)
    log.fail()
    append()
    await runtime.advance(6000)
    expect(socket.offsets).toEqual([0])
    expect(socket.closed).toBeUndefined()
  })

  it('names another life after a step back of its clock', async () => {
    const { socket } = await opened('from=0&beat=500')
    await runtime.advance(2000)
    runtime.stepClocks(-1000)
    await runtime.advance(2000)
    const lives = socket.beats.map(({ life }) => life)
    expect(new Set(lives).size).toBe(2)
    expect(lives.at(-1)).toBe(state.stats().life)
  })
})
