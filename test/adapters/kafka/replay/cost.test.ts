/** What a poll of a cache costs at proxies with stateful consumers, in requests and in consumers. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { confluent } from '../../../../adapters/kafka/confluent.ts'
import { karapace } from '../../../../adapters/kafka/karapace.ts'
import { strimzi } from '../../../../adapters/kafka/strimzi.ts'
import { createGateway } from '../../../../services/gateway/app.ts'
import { memoryCluster } from '../../../../services/gateway/memory-cluster.ts'
import { createCache } from '../../../../src/index.ts'
import type { Cache, CacheOptions } from '../../../../src/index.ts'
import { memory } from '../../../../src/testing/memory.ts'
import { MemoryLog } from '../../../../src/testing/memory-log.ts'
import { FakeKarapace } from './fake-karapace.ts'
import { asFetch, type FakeProxy, newLog } from './fake-proxy.ts'
import { FakeStrimzi } from './fake-strimzi.ts'
import { replicate } from '../../../../src/replicate/index.ts'

const url = 'https://proxy.test'
const TOPIC = 'cache-evictions'

interface Bench {
  readonly log: MemoryLog
  readonly connect: () => ReturnType<typeof strimzi>
  /** The requests since the last look, without DELETE: no caller awaits those answers. */
  readonly asked: () => string[]
}

function benchOf(log: MemoryLog, transport: typeof fetch, connect: typeof strimzi): Bench {
  log.createTopic(TOPIC)
  let lines: string[] = []
  const counted: typeof fetch = (input, init) => {
    const { method = 'GET' } = init ?? {}
    const path = new URL(input as string).pathname.split('/').at(-1)!
    if (method !== 'DELETE') lines.push(`${method} ${path}`)
    return transport(input, init)
  }
  return {
    log,
    connect: () => connect({ url, fetch: counted }),
    asked: () => {
      const all = lines
      lines = []
      return all
    },
  }
}

const fake = (proxy: FakeProxy, connect: typeof strimzi): Bench =>
  benchOf(proxy.log, asFetch(proxy.handle), connect)

/** The gateway as a Confluent REST Proxy is: without the header that names the log. */
function nameless(): Bench {
  const log = newLog()
  const app = createGateway({ cluster: memoryCluster(log) })
  return benchOf(
    log,
    async (input, init) => {
      const answer = await app.fetch(new Request(input, init))
      const headers = new Headers(answer.headers)
      headers.delete('kedge-log-id')
      return new Response(answer.body, { status: answer.status, headers })
    },
    confluent,
  )
}

const BENCHES: Record<string, () => Bench> = {
  'strimzi()': () => fake(new FakeStrimzi(true), strimzi),
  'karapace(), 5.0.3': () => fake(new FakeKarapace(), karapace),
  'karapace(), 6.2.0': () => fake(new FakeKarapace({ drops: true }), karapace),
  'confluent() without an identity': nameless,
}

describe.each(Object.entries(BENCHES))('a poll over %s', (_, make) => {
  const started: Cache[] = []
  afterEach(async () => {
    for (const cache of started.splice(0)) await cache.close()
  })
  function caches(bench: Bench, options: Partial<CacheOptions> = {}) {
    const cache = createCache({ kafka: bench.connect(), ...options })
    const writer = createCache({ kafka: memory({ on: bench.log }) })
    started.push(cache, writer)
    return { cache, here: cache.namespace('users'), there: writer.namespace('users') }
  }

  it.each([1, 3])('that finds %i evictions costs three requests, and no consumer', async (count) => {
    const bench = make()
    const { cache, there } = caches(bench, { pollTimeout: '5s' })
    await cache.sync()
    for (let warm = 0; warm < 2; warm++) {
      await there.delete('of the warm-up')
      await cache.sync()
    }
    for (let round = 0; round < 5; round++) {
      for (let n = 0; n < count; n++) await there.delete(`k${n}`)
      bench.asked()
      expect((await cache.sync()).proved).toBe(true)
      expect(bench.asked()).toEqual(['GET offsets', 'POST positions', 'GET records'])
    }
  })

  it('that finds nothing costs one', async () => {
    const bench = make()
    const { cache, there } = caches(bench, { pollTimeout: '5s' })
    await there.delete('of the warm-up')
    await cache.sync()
    bench.asked()
    await cache.sync()
    expect(bench.asked()).toEqual(['GET offsets'])
  })
})

/** Versions that were run, and how long each refuses a seek. */
const KARAPACES: Record<string, { drops: boolean }> = { '5.0.3': { drops: false }, '6.2.0': { drops: true } }

describe.each(Object.entries(KARAPACES))('a cache with defaults over Karapace %s', (_, version) => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())

  /** The proxy as slow as the real one: each request takes 5 ms, and a poll waits. */
  function slow() {
    const proxy = new FakeKarapace({ ...version, now: () => Date.now() })
    const answer = asFetch(proxy.handle)
    const transport: typeof fetch = async (input, init) => {
      const before = proxy.waitedMs
      const told = await answer(input, init)
      const ms = 5 + proxy.waitedMs - before
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(resolve, ms)
        init?.signal?.addEventListener('abort', () => {
          clearTimeout(timer)
          reject(init.signal?.reason)
        })
      })
      return told
    }
    proxy.log.createTopic(TOPIC)
    proxy.log.createTopic('cache-updates')
    return { proxy, connect: () => karapace({ url, fetch: transport }) }
  }

  it('serves 99 of 100 reads fresh at one eviction a second', async () => {
    const { proxy, connect } = slow()
    const cache = createCache({ kafka: connect() })
    const users = cache.namespace<string>('users')
    const writer = createCache({ kafka: memory({ on: proxy.log }) }).namespace('users')
    const first = cache.sync()
    await vi.advanceTimersByTimeAsync(3000)
    await first
    const seen: (string | undefined)[] = []
    let read = 0
    for (let ms = 0; ms < 60_000; ms += 50) {
      if (ms % 1000 === 0) void writer.delete('another')
      void users
        .getEntry(`k${read++ % 10}`, async () => 'value')
        .then(({ staleBecause }) => seen.push(staleBecause))
      await vi.advanceTimersByTimeAsync(50)
    }
    await vi.advanceTimersByTimeAsync(5000)
    expect(seen).toHaveLength(1200)
    expect(seen.filter((because) => because !== undefined).length).toBeLessThanOrEqual(12)
    expect(cache.stats().polls).toBeGreaterThan(20)
  })

  it('has each value that is set elsewhere, in mode replicate, within seconds', async () => {
    const { proxy, connect } = slow()
    const cache = createCache({ kafka: connect(), use: [replicate()], updatesIsolation: 'uncommitted' })
    const users = cache.namespace<string>('users')
    const writer = createCache({ kafka: memory({ on: proxy.log }), use: [replicate()] }).namespace<string>(
      'users',
    )
    void cache.sync()
    await vi.advanceTimersByTimeAsync(3000)
    for (let n = 0; n < 10; n++) {
      const set = writer.set(`k${n}`, 'value')
      await vi.advanceTimersByTimeAsync(100)
      await set
      for (let ms = 0; ms < 6000; ms += 50) {
        void users.get('another')
        await vi.advanceTimersByTimeAsync(50)
      }
      expect(users.peek(`k${n}`)).toBe('value')
    }
  })
})
