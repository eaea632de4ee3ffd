import { describe, expect, it } from 'vitest'
import { karapace } from '../../../../adapters/kafka/karapace.ts'
import { kafkaRest } from '../../../../adapters/kafka/kafka-rest.ts'
import { redpanda } from '../../../../adapters/kafka/redpanda.ts'
import { strimzi } from '../../../../adapters/kafka/strimzi.ts'
import { warpstream } from '../../../../adapters/kafka/warpstream.ts'
import { createCache } from '../../../../src/index.ts'
import type { KafkaLog } from '../../../../src/ports/kafka-log.ts'
import { memory } from '../../../../src/testing/memory.ts'
import { FakeKarapace } from './fake-karapace.ts'
import { asFetch, type FakeProxy } from './fake-proxy.ts'
import { FakeRedpanda } from './fake-redpanda.ts'
import { FakeStrimzi } from './fake-strimzi.ts'
import { FakeWarpstream } from './fake-warpstream.ts'

const url = 'https://proxy.test'
const QUIET = { logStart: false, endOutside: false }

interface Case {
  readonly proxy: () => FakeProxy
  readonly connect: (fetch: typeof globalThis.fetch, proxy: FakeProxy) => KafkaLog
}

const CASES: Record<string, Case> = {
  'strimzi()': { proxy: () => new FakeStrimzi(true), connect: (fetch) => strimzi({ url, fetch }) },
  'karapace()': { proxy: () => new FakeKarapace(), connect: (fetch) => karapace({ url, fetch }) },
  'karapace() from 5.1 on': {
    proxy: () => new FakeKarapace({ drops: true }),
    connect: (fetch) => karapace({ url, fetch }),
  },
  'redpanda()': { proxy: () => new FakeRedpanda(), connect: (fetch) => redpanda({ url, fetch }) },
  'warpstream()': {
    proxy: () => new FakeWarpstream(QUIET),
    connect: (fetch, { log }) => warpstream({ url, fetch, produce: memory({ on: log }) }),
  },
  'kafkaRest()': { proxy: () => new FakeStrimzi(true), connect: (fetch) => kafkaRest({ url, fetch }) },
}

describe.each(Object.entries(CASES))('two caches over %s', (_, { proxy: make, connect }) => {
  const pair = () => {
    const proxy = make()
    proxy.log.createTopic('cache-evictions')
    const cache = () => createCache({ kafka: connect(asFetch(proxy.handle), proxy), pollTimeout: '5s' })
    return { proxy, caches: [cache(), cache()] as const }
  }

  /** A value that is held: a load that runs beside the first poll of its cache is not kept. */
  async function hold(cache: ReturnType<typeof createCache>, value: string) {
    const users = cache.namespace('users')
    await cache.sync()
    await users.getOrSet('k', () => value)
    expect(await users.get('k')).toBe(value)
    return users
  }

  it('serve nothing that the other one has evicted', async () => {
    const { caches } = pair()
    const here = await hold(caches[0], 'old')
    const there = await hold(caches[1], 'old')
    for (const [writer, reader] of [
      [here, there],
      [there, here],
    ] as const) {
      const token = await writer.delete('k')
      expect(await reader.get('k', { after: token })).toBeUndefined()
      await reader.getOrSet('k', () => 'new')
      expect(await reader.get('k')).toBe('new')
    }
    await Promise.all(caches.map((cache) => cache.close()))
  })

  it('start over a log whose beginning retention has taken', async () => {
    const { proxy, caches } = pair()
    for (let n = 0; n < 40; n++) {
      const value = new TextEncoder().encode(JSON.stringify({ v: 1, op: 'beat', at: n }))
      proxy.log.append('cache-evictions', { key: null, value, partition: 0 })
    }
    proxy.log.truncate('cache-evictions', 0, 25)
    await hold(caches[0], 'value')
    await Promise.all(caches.map((cache) => cache.close()))
  })
})
