/** A tail that follows another one by a socket, as a relay or a Durable Object follows the gateway. */
import { beforeEach, describe, expect, it } from 'vitest'
import { feedTerms, TailFeed } from '../../../../adapters/sharing/tail/feed.ts'
import { tailSocket } from '../../../../adapters/sharing/tail-socket.ts'
import { tail } from '../../../../adapters/sharing/tail.ts'
import { answerTail } from '../../../../adapters/sharing/tail/route.ts'
import { TailState } from '../../../../adapters/sharing/tail/state.ts'
import { Clock } from '../../../../src/runtime/clock.ts'
import { encodeUtf8 } from '../../../../src/wire/codec.ts'
import { fakeRuntime, memory, MemoryLog, seededRandom } from '../../../../src/testing/index.ts'
import type { FakeRuntime } from '../../../../src/testing/index.ts'
import { network, ServerSocket } from './fake-sockets.ts'
import type { Network } from './fake-sockets.ts'
import { memoryStore } from './memory-store.ts'

const TOPIC = 'cache-evictions'

let runtime: FakeRuntime
let on: MemoryLog
let net: Network
let asked: string[]
let relay: TailState
/** How long each way of a request takes. */
let waysMs: () => number
beforeEach(() => {
  runtime = fakeRuntime()
  on = new MemoryLog({ now: () => Math.floor(runtime.now()), topics: { [TOPIC]: 1 } })
  const gateway = new TailState({ log: memory({ on, runtime }), runtime })
  net = network(gateway, runtime)
  asked = []
  waysMs = () => 0
  const log = tail({
    origin: memory({ on, runtime }),
    url: 'https://gateway.example',
    fetch: async (input) => {
      asked.push(new URL(input as string).search)
      if (waysMs() > 0) await runtime.sleep(waysMs())
      const answer = await answerTail(gateway, new Request(input))
      if (waysMs() > 0) await runtime.sleep(waysMs())
      return answer
    },
    socket: tailSocket({ connect: net.connect }),
    runtime,
  })
  relay = new TailState({ log, runtime })
})

const append = () => on.append(TOPIC, { key: null, value: encodeUtf8('x'), partition: 0 })
const proof = (maxAgeMs: number, from?: number) => relay.proof({ topic: TOPIC, partition: 0, maxAgeMs, from })
async function ready(): Promise<void> {
  await proof(600)
  await runtime.advance(1500)
  asked.length = 0
}

describe('a tail that follows another by a socket', () => {
  it('sends no request in calm, however often it is asked', async () => {
    await ready()
    for (let at = 0; at < 300; at++) {
      expect(await proof(600)).toMatchObject({ end: 0 })
      await runtime.advance(97)
    }
    expect(asked).toEqual([])
  })

  it('has what is new as soon as the other has it', async () => {
    await ready()
    append()
    await runtime.advance(200)
    expect(await proof(600, 0)).toMatchObject({ end: 1, base: 0, records: [{ offset: 0 }] })
    expect(asked).toEqual([])
  })

  it('asks the other where it must be exact', async () => {
    await ready()
    append()
    expect(await proof(0)).toMatchObject({ end: 1 })
    expect(asked).toHaveLength(1)
    expect(asked[0]).toContain('max_age=0')
  })

  it('never goes back behind what it has said, though what the socket brings is older', async () => {
    await ready()
    net.delayMs = 150
    let end = 0
    for (let at = 0; at < 200; at++) {
      if (at % 3 === 0) append()
      const told = await proof(at % 5 === 0 ? 0 : 600)
      expect(told.end).toBeGreaterThanOrEqual(end)
      end = told.end
      await runtime.advance(13)
    }
    expect((await proof(0)).end).toBe(67)
  })

  it('tells of the new log where it was made anew', async () => {
    append()
    await ready()
    const { logId } = await proof(600)
    on.recreateTopic(TOPIC)
    append()
    await runtime.advance(2000)
    expect((await proof(600)).logId).not.toBe(logId)
  })

  it('goes on by requests where the socket breaks', async () => {
    await ready()
    net.isAway = true
    net.breaks()
    append()
    await runtime.advance(1000)
    expect(await proof(600)).toMatchObject({ end: 1 })
    expect(asked.length).toBeGreaterThan(0)
  })

  it('feeds sockets of its own by it, without a request', async () => {
    await ready()
    const feed = new TailFeed({ state: relay, runtime })
    const socket = new ServerSocket()
    feed.open(socket, feedTerms(TOPIC, 0, new URLSearchParams('from=0&beat=500')))
    await runtime.advance(3000)
    asked.length = 0
    append()
    await runtime.advance(700)
    expect(socket.offsets).toEqual([0])
    await runtime.advance(5000)
    expect(socket.beats.length).toBeGreaterThan(8)
    expect(asked).toEqual([])
    feed.close()
  })

  it.each([0, 1, 2, 3, 4, 5])('never vouches for too early a moment, on slow ways (%i)', async (seed) => {
    const random = seededRandom(seed)
    waysMs = () => net.delayMs
    const store = memoryStore()
    const clients = [0, 1].map(() => ({
      clock: new Clock(runtime),
      log: tail({
        origin: memory({ on, runtime }),
        ask: async (path) => {
          await runtime.sleep(Math.floor(random() * 120))
          const answer = await answerTail(relay, new Request(`https://relay.example${path}`))
          await runtime.sleep(Math.floor(random() * 120))
          return answer
        },
        store,
        secret: 'c2VjcmV0'.repeat(6),
        runtime,
      }),
    }))
    const appended: number[] = []
    let adopted = 0
    /** By how much a client took a sample for younger than it was. */
    const lies: number[] = []
    for (let step = 0; step < 150; step++) {
      net.delayMs = Math.floor(random() * 150)
      if (random() < 0.03) net.breaks()
      append()
      appended.push(runtime.monotonic())
      const { log, clock } = clients[step % 2]!
      const t0 = runtime.monotonic()
      const poll = async () => {
        const [bound] = await log.offsets(TOPIC, { partitions: [0], maxAgeMs: 1500, clock })
        const { end, ageMs = 0 } = bound!
        if (ageMs > 0) adopted++
        const missed = appended[end]
        if (missed !== undefined && t0 - ageMs > missed) lies.push(t0 - ageMs - missed)
        await log.settled!()
      }
      void poll()
      await runtime.advance(Math.floor(random() * 300))
    }
    await runtime.advance(2000)
    expect(lies).toEqual([])
    expect(adopted).toBeGreaterThan(30)
  })
})
