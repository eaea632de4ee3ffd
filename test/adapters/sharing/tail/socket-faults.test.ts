/** Caches that follow by sockets whose ways do what they like: no read returns what was evicted too long ago. */
import { expect, it } from 'vitest'
import { tailSocket } from '../../../../adapters/sharing/tail-socket.ts'
import { tail } from '../../../../adapters/sharing/tail.ts'
import { answerTail } from '../../../../adapters/sharing/tail/route.ts'
import { TailState } from '../../../../adapters/sharing/tail/state.ts'
import { createCache } from '../../../../src/index.ts'
import type { Runtime } from '../../../../src/ports/runtime.ts'
import { encodeUtf8 } from '../../../../src/wire/codec.ts'
import { fakeRuntime, memory, MemoryLog, seededRandom } from '../../../../src/testing/index.ts'
import { network } from './fake-sockets.ts'
import type { Network } from './fake-sockets.ts'

const TOPIC = 'cache-evictions'
const STALE_MS = 2000
const KEYS = ['a', 'b', 'c']

interface Fault {
  readonly begin: (net: Network, random: () => number) => void
  readonly end?: (net: Network) => void
}

// What has come whole is as it was sent: that is for TCP and TLS to see to.
const FAULTS: Readonly<Record<string, Fault>> = {
  slow: {
    begin: (net, random) => void (net.delayMs = Math.floor(random() * 1200)),
    end: (net) => void (net.delayMs = 0),
  },
  breaks: { begin: (net) => net.breaks() },
  away: {
    begin: (net) => {
      net.isAway = true
      net.breaks()
    },
    end: (net) => void (net.isAway = false),
  },
  cut: { begin: (net) => void (net.isCut = true), end: (net) => void (net.isCut = false) },
  loses: {
    begin: (net, random) => void (net.onFrame = (text) => (random() < 0.3 ? undefined : text)),
    end: (net) => void (net.onFrame = (text) => text),
  },
  repeats: {
    begin: (net, random) => {
      const told: string[] = []
      net.onFrame = (text) => {
        told.push(text)
        return random() < 0.3 ? told[Math.floor(random() * told.length)] : text
      }
    },
    end: (net) => void (net.onFrame = (text) => text),
  },
  garbles: {
    begin: (net, random) =>
      void (net.onFrame = (text) => {
        const at = Math.floor(random() * text.length)
        return random() < 0.2 ? text.slice(0, at) : text
      }),
    end: (net) => void (net.onFrame = (text) => text),
  },
}

interface Run {
  readonly seed: number
  /** Longest after its eviction was acknowledged that a value was served, in milliseconds. */
  longestMs: number
  reads: number
  /** Polls by what sockets have brought. */
  shared: number
}

async function run(seed: number): Promise<Run> {
  const random = seededRandom(seed)
  const runtime = fakeRuntime({ seed })
  const on = new MemoryLog({ now: () => Math.floor(runtime.now()), topics: { [TOPIC]: 1 } })
  const state = new TailState({ log: memory({ on, runtime }), runtime })
  const net = network(state, runtime)
  let isAskable = true
  // Another clock: it has begun elsewhere, and runs a little faster or slower.
  const pace = 1 + (random() - 0.5) / 2000
  const skewMs = random() * 1e6
  const own: Runtime = {
    ...runtime,
    now: () => Math.floor(runtime.now()) - 5000,
    monotonic: () => runtime.monotonic() * pace + skewMs,
  }
  const cache = createCache({
    kafka: tail({
      origin: memory({ on, runtime }),
      url: 'https://tail.example',
      fetch: async (input) => {
        await runtime.sleep(Math.floor(random() * 40))
        if (!isAskable) throw new TypeError('fetch failed')
        return answerTail(state, new Request(input))
      },
      socket: tailSocket({ connect: net.connect }),
      runtime: own,
    }),
    maxStaleness: STALE_MS,
    onUnreachable: 'throw',
    ttl: '1h',
    runtime: own,
  })
  const users = cache.namespace<number>('users')
  const stop = new AbortController()
  const following = cache.follow({ signal: stop.signal })
  following.catch(() => undefined)

  const source = new Map(KEYS.map((key) => [key, 0]))
  /** When the eviction of a version was acknowledged. */
  const evictedAt = new Map<string, number>()
  const found: Run = { seed, longestMs: 0, reads: 0, shared: 0 }
  const read = async (key: string) => {
    const began = runtime.monotonic()
    const value = await users.getOrSet(key, () => source.get(key)!).catch(() => undefined)
    const gone = evictedAt.get(`${key} ${value}`)
    if (value === undefined) return
    found.reads++
    if (gone !== undefined) found.longestMs = Math.max(found.longestMs, began - gone)
  }
  const ends: (() => void)[] = []
  for (let step = 0; step < 400; step++) {
    const key = KEYS[Math.floor(random() * KEYS.length)]!
    if (random() < 0.3) {
      const version = source.get(key)!
      source.set(key, version + 1)
      on.append(TOPIC, { key: null, value: encodeUtf8(JSON.stringify({ ns: 'users', key })), partition: 0 })
      evictedAt.set(`${key} ${version}`, runtime.monotonic())
    }
    if (random() < 0.05) {
      const names = Object.keys(FAULTS)
      const fault = FAULTS[names[Math.floor(random() * names.length)]!]!
      fault.begin(net, random)
      ends.push(() => fault.end?.(net))
    }
    if (random() < 0.05) ends.shift()?.()
    if (random() < 0.02) isAskable = !isAskable
    if (random() < 0.01) state.stats()
    if (random() < 0.01) on.truncate(TOPIC, 0, on.offsets(TOPIC, 0).end)
    if (random() < 0.7) void read(key)
    await runtime.advance(Math.floor(random() * 150))
  }
  found.shared = cache.stats().sharedPolls
  for (const end of ends) end()
  isAskable = true
  await runtime.advance(40_000)
  // At rest: all is as the source has it.
  for (const key of KEYS) {
    const value = users.getOrSet(key, () => source.get(key)!)
    await runtime.advance(3000)
    expect(await value).toBe(source.get(key))
  }
  stop.abort()
  const closed = cache.close()
  await runtime.advance(10_000)
  await closed
  return found
}

it('in 30 seeded runs of faults', async () => {
  const runs: Run[] = []
  for (let seed = 1; seed <= 30; seed++) runs.push(await run(seed))
  const late = runs.filter(({ longestMs }) => longestMs > STALE_MS)
  expect(late).toEqual([])
  const sum = (of: 'reads' | 'shared') => runs.reduce((total, each) => total + each[of], 0)
  expect(sum('reads')).toBeGreaterThan(3000)
  expect(sum('shared')).toBeGreaterThan(500)
}, 120_000)
