/** A log that answers, but too slowly for the options: which one is said by an event. */
import { describe, expect, it } from 'vitest'
import { KedgeError } from '../../../src/index.ts'
import type { CacheOptions, Cache, KafkaLog, KedgeEvent } from '../../../src/index.ts'
import { memory } from '../../../src/testing/index.ts'
import type { MemoryOptions } from '../../../src/testing/index.ts'
import { world } from '../world.ts'
import type { World } from '../world.ts'

const MINUTE = 60_000

interface Slow {
  readonly at: World
  readonly cache: Cache
  readonly said: () => Extract<KedgeEvent, { type: 'proxy_too_slow' }>[]
  readonly events: KedgeEvent[]
  /** Evicts a key elsewhere, and polls, every second. */
  readonly rounds: (count: number) => Promise<void>
  readonly latency: (offsetsMs: number, readMs: number) => void
}

/** A cache over a log whose calls take a while; `Infinity`: they do not come back. */
function slow(
  options: Partial<CacheOptions> = {},
  kafkaOptions: MemoryOptions = {},
  isolatesRequests = false,
): Slow {
  const at = world({ isolatesRequests })
  const inner = memory({ on: at.log, runtime: at.runtime, ...kafkaOptions })
  let [offsetsMs, readMs] = [0, 0]
  const wait = (ms: number, signal: AbortSignal | undefined) =>
    ms === Infinity ? at.runtime.sleep(1e9, signal) : ms > 0 ? at.runtime.sleep(ms, signal) : undefined
  const kafka: KafkaLog = {
    capabilities: inner.capabilities,
    produce: (...args) => inner.produce(...args),
    offsets: async (topic, call) => {
      await wait(offsetsMs, call?.signal)
      return inner.offsets(topic, call)
    },
    read: async (topic, positions, how) => {
      await wait(readMs, how.signal)
      return inner.read(topic, positions, how)
    },
  }
  const { cache, events } = at.isolate({ ...options, kafka })
  cache.namespace('users')
  const writer = at.isolate({ kafka: memory({ on: at.log, runtime: at.runtime }) }).cache.namespace('users')
  return {
    at,
    cache,
    events,
    said: () => events.filter((event) => event.type === 'proxy_too_slow'),
    rounds: async (count) => {
      for (let n = 0; n < count; n++) {
        await at.run(writer.delete(`k${n}`))
        await at.run(cache.sync())
        await at.runtime.advance(3000)
      }
    },
    latency: (offsets, read) => void ([offsetsMs, readMs] = [offsets, read]),
  }
}

describe.each([false, true])('where requests are isolated: %s', (isolated) => {
  it('polls that take longer than pollTimeout are reported the third time, with the option', async () => {
    const { rounds, said, latency } = slow({}, {}, isolated)
    await rounds(1)
    latency(100, 700)
    // Where requests are isolated, two polls may run side by side.
    await rounds(isolated ? 1 : 2)
    expect(said()).toEqual([])
    await rounds(isolated ? 2 : 1)
    expect(said()).toEqual([{ type: 'proxy_too_slow', option: 'pollTimeout', limitMs: 500, durationMs: 800 }])
  })
})

describe('proxy_too_slow', () => {
  it('comes once in five minutes, and again while it lasts', async () => {
    const { at, rounds, said, latency } = slow()
    await rounds(1)
    latency(0, 600)
    await rounds(50)
    expect(said()).toHaveLength(1)
    await at.runtime.advance(5 * MINUTE)
    await rounds(10)
    expect(said()).toHaveLength(2)
  })

  it('comes for polls that are given up although the log answers', async () => {
    const { rounds, said, latency, events } = slow()
    await rounds(1)
    latency(0, 20_000)
    await rounds(10)
    expect(events.filter(({ type }) => type === 'poll_failed').length).toBeGreaterThanOrEqual(3)
    expect(said()).toEqual([
      { type: 'proxy_too_slow', option: 'pollTimeout', limitMs: 500, durationMs: 2000 },
    ])
  })

  it('names maxStaleness where a proof is too old when it comes', async () => {
    const { rounds, said, latency } = slow({ pollTimeout: '4s' })
    await rounds(1)
    latency(0, 2500)
    await rounds(4)
    expect(said()).toEqual([
      { type: 'proxy_too_slow', option: 'maxStaleness', limitMs: 2000, durationMs: 2500 },
    ])
  })

  it('names both where both are too short', async () => {
    const { rounds, said, latency } = slow({ maxStaleness: '700ms' })
    await rounds(1)
    latency(0, 900)
    await rounds(4)
    expect(said().map(({ option }) => option)).toEqual(['pollTimeout', 'maxStaleness'])
  })

  it('does not come from a proxy that is quick enough, or slow but twice', async () => {
    const { at, rounds, said, latency } = slow()
    await rounds(1)
    latency(200, 300)
    await rounds(100)
    latency(300, 300)
    await rounds(2)
    latency(200, 300)
    await at.runtime.advance(6 * MINUTE)
    latency(300, 300)
    await rounds(2)
    expect(said()).toEqual([])
  })

  it('does not come with maxStaleness 0 for the staleness of proofs', async () => {
    const { rounds, said, latency } = slow({ maxStaleness: 0, refreshAfter: 0 })
    await rounds(1)
    latency(100, 200)
    await rounds(20)
    expect(said()).toEqual([])
  })

  it('does not come where Kafka is away: silent, or refused', async () => {
    const { rounds, said, latency, events } = slow()
    await rounds(1)
    latency(Infinity, 0)
    await rounds(20)
    expect(said()).toEqual([])
    expect(events.filter(({ type }) => type === 'poll_failed').length).toBeGreaterThan(5)

    const at = world()
    const kafka = memory({ on: at.log, runtime: at.runtime })
    kafka.fail(new KedgeError('ERR_NETWORK', 'refused', { retryable: true }))
    const refused = at.isolate({ kafka })
    refused.cache.namespace('users')
    for (let n = 0; n < 20; n++) {
      await at.run(refused.cache.sync())
      await at.runtime.advance(3000)
    }
    expect(refused.of('proxy_too_slow')).toEqual([])
    expect(refused.of('poll_failed').length).toBeGreaterThan(5)
  })
})
