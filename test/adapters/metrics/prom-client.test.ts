import * as client from 'prom-client'
import { describe, expect, it } from 'vitest'
import { metrics } from '../../../adapters/metrics/prom-client.ts'
import type { MetricsOptions } from '../../../adapters/metrics/prom-client.ts'
import { createCache } from '../../../src/index.ts'
import type { CacheOptions, KedgeEvent } from '../../../src/index.ts'
import { sharedTier } from '../../../src/tier/index.ts'
import { fakeRuntime, memory, MemoryLog, memoryTier } from '../../../src/testing/index.ts'

function measured(options: Partial<CacheOptions> = {}, more: Partial<MetricsOptions> = {}) {
  const register = new client.Registry()
  const cache = createCache({ kafka: memory(), ttl: '1h', ...options })
  metrics(cache, { client, register, ...more })
  /** The samples, by name and labels as they stand in the text. */
  const scrape = async (): Promise<Record<string, number>> => {
    const lines = (await register.metrics()).split('\n').filter((line) => line !== '' && line[0] !== '#')
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
    )
  }
  return { cache, register, scrape }
}

describe('the metrics of a cache', () => {
  it('are its counters and gauges at the moment of the scrape', async () => {
    const { cache, scrape } = measured()
    const users = cache.namespace<string>('users')
    await cache.sync()
    await users.getOrSet('7', () => 'ada')
    await users.getOrSet('7', () => 'ada')
    expect(await scrape()).toMatchObject({
      kedge_cache_hits_total: 1,
      kedge_cache_misses_total: 1,
      kedge_cache_loads_total: 1,
      kedge_cache_entries: 1,
      kedge_cache_ready: 1,
    })
    await users.getOrSet('7', () => 'ada')
    expect(await scrape()).toMatchObject({ kedge_cache_hits_total: 2 })
  })

  it('leave out the age of a proof that was never made, and the tier that there is none of', async () => {
    const { scrape } = measured()
    const names = Object.keys(await scrape())
    expect(names).toContain('kedge_cache_ready')
    expect(names).not.toContain('kedge_cache_fresh_age_seconds')
    expect(names).not.toContain('kedge_cache_tier_open')
  })

  it('time loads, polls, writes and calls of the tier', async () => {
    const { cache, scrape } = measured({ use: [sharedTier(memoryTier())] })
    const users = cache.namespace<string>('users')
    await cache.sync()
    await users.getOrSet('7', () => 'ada')
    await users.getOrSet('8', () => Promise.reject(new Error('away'))).catch(() => undefined)
    await users.delete('7')
    // Its own eviction comes back by the log, where it is applied.
    await cache.sync()
    const found = await scrape()
    expect(found['kedge_cache_apply_duration_seconds_count']).toBe(1)
    expect(found).toMatchObject({
      'kedge_cache_load_duration_seconds_count{kedge_namespace="users",outcome="ok"}': 1,
      'kedge_cache_load_duration_seconds_count{kedge_namespace="users",outcome="failed"}': 1,
      'kedge_cache_publish_duration_seconds_count{topic="cache-evictions",outcome="ok"}': 1,
      kedge_cache_tier_open: 0,
    })
    expect(found['kedge_cache_poll_duration_seconds_count']).toBeGreaterThan(0)
    expect(found['kedge_cache_tier_duration_seconds_count{operation="get",outcome="ok"}']).toBeGreaterThan(0)
  })

  it('count writes from 0 on, so that an alert sees the first that fails', async () => {
    const { scrape } = measured({ topics: { evictions: 'shop.evictions' } })
    expect(await scrape()).toMatchObject({
      'kedge_cache_publish_duration_seconds_count{topic="shop.evictions",outcome="ok"}': 0,
      'kedge_cache_publish_duration_seconds_count{topic="shop.evictions",outcome="failed"}': 0,
    })
  })

  it('have no label that Prometheus gives to targets in Kubernetes', async () => {
    const { cache, register, scrape } = measured({ use: [sharedTier(memoryTier())] }, { group: 'shop' })
    await cache.namespace<string>('users').getOrSet('7', () => 'ada')
    await scrape()
    const labels = (await register.getMetricsAsJSON()).flatMap(({ values }) =>
      (values as { labels: object }[]).flatMap((each) => Object.keys(each.labels)),
    )
    expect(new Set(labels)).toEqual(
      new Set(['kedge_namespace', 'outcome', 'le', 'operation', 'topic', 'consumer_group', 'partition']),
    )
  })

  it('time a write that Kafka did not acknowledge', async () => {
    const log = memory()
    const { cache, scrape } = measured({
      kafka: { ...log, produce: () => Promise.reject(new Error('away')) },
    })
    await expect(cache.namespace('users').delete('7')).rejects.toMatchObject({ code: 'ERR_PUBLISH' })
    expect(
      (await scrape())[
        'kedge_cache_publish_duration_seconds_count{topic="cache-evictions",outcome="failed"}'
      ],
    ).toBeGreaterThan(0)
  })

  it('tell durations in seconds', async () => {
    const runtime = fakeRuntime()
    const { cache, scrape } = measured({ runtime })
    await cache.sync()
    await cache.namespace('users').getOrSet('7', async () => {
      await runtime.advance(250)
      return 'ada'
    })
    expect(await scrape()).toMatchObject({
      'kedge_cache_load_duration_seconds_sum{kedge_namespace="users",outcome="ok"}': 0.25,
    })
  })

  it('call no listener at a hit or a miss but that of the options', async () => {
    const heard: KedgeEvent['type'][] = []
    const { cache, register } = measured({ onEvent: ({ type }) => heard.push(type) })
    const users = cache.namespace<string>('users')
    await cache.sync()
    await users.getOrSet('7', () => 'ada')
    await users.get('7')
    await users.get('8')
    expect(heard.filter((type) => type === 'hit' || type === 'miss')).toEqual(['miss', 'hit', 'miss'])
    expect(heard).toContain('load')
    expect(register.getSingleMetric('kedge_cache_load_duration_seconds')).toBeDefined()
  })

  it('have no key, and no more namespaces than they may', async () => {
    const { cache, register, scrape } = measured({}, { maxNamespaces: 2 })
    await cache.sync()
    for (const name of ['a', 'b', 'c', 'd', 'a'])
      await cache.namespace(name).getOrSet(`secret-${Math.random()}`, () => 1)
    const counts = Object.entries(await scrape()).filter(([name]) =>
      name.includes('load_duration_seconds_count'),
    )
    expect(counts).toEqual([
      ['kedge_cache_load_duration_seconds_count{kedge_namespace="a",outcome="ok"}', 2],
      ['kedge_cache_load_duration_seconds_count{kedge_namespace="b",outcome="ok"}', 1],
      ['kedge_cache_load_duration_seconds_count{kedge_namespace="other",outcome="ok"}', 2],
    ])
    expect(await register.metrics()).not.toContain('secret')
  })

  it('have the lag of each partition by the name of a consumer group, where it is given', async () => {
    const log = new MemoryLog({ topics: { 'cache-evictions': 1 } })
    const { cache, scrape } = measured({ kafka: memory({ on: log }) }, { group: 'shop' })
    const lag = 'kafka_consumer_lag{topic="cache-evictions",consumer_group="shop",partition="0"}'
    cache.namespace('users')
    expect(Object.keys(await scrape())).not.toContain(lag)
    await cache.sync()
    expect((await scrape())[lag]).toBe(0)
    await cache.namespace('users').delete('7')
    expect((await scrape())[lag]).toBe(1)
    await cache.sync()
    expect((await scrape())[lag]).toBe(0)
  })

  it('of two caches stand in one registry under prefixes of their own', async () => {
    const { register, scrape } = measured()
    metrics(createCache({ kafka: memory() }), { client, register, prefix: 'shop_cache_' })
    expect(await scrape()).toMatchObject({ kedge_cache_hits_total: 0, shop_cache_hits_total: 0 })
    expect(() => metrics(createCache({ kafka: memory() }), { client, register })).toThrow(
      'already been registered',
    )
  })

  it.each([
    [{ client: undefined }, '`client`: must be the module'],
    [{ register: {} }, '`register`: must be a Registry'],
    [{ prefix: 'a-b' }, '`prefix`: must be letters'],
    [{ group: '' }, '`group`: must not be empty'],
    [{ maxNamespaces: 0 }, '`maxNamespaces`: must be a whole number from 1 to 1000'],
    [{ buckets: [] }, '`buckets` is not an option of metrics()'],
  ])('refuse %j', (wrong, says) => {
    const options = { client, ...wrong } as MetricsOptions
    expect(() => metrics(createCache({ kafka: memory() }), options)).toThrow(says)
  })
})
