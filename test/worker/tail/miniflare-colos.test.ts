/** Twenty caches in two data centers of workerd behind Durable Objects: nothing evicted is served past `maxStaleness`. */
import { describe, expect, it } from 'vitest'
import { until } from '../miniflare-until.ts'
import { startColos } from './colos.ts'

const CHANGES = 3
/** Six samples while isolates ask, a read for each eviction, and what a slow machine makes isolates ask exactly. */
const REQUESTS_A_SECOND = 12
const ONE = 'cache-evictions:weur:0'

describe('twenty caches in two data centers', { timeout: 60_000 }, () => {
  it.each(['none', 'caches.open', 'caches.default'] as const)(
    'over one tail, with the store %s, serve nothing evicted past maxStaleness, and spare the log',
    async (store) => {
      await using colos = await startColos({ store })
      const { violations, reads, stats, requests, seconds } = await colos.storm(CHANGES)
      expect(violations).toEqual([])
      expect(stats).toMatchObject({ pollFailures: 0, reanchors: 0 })
      expect(stats.hits).toBeGreaterThan(reads / 4)
      expect(stats.polls).toBeGreaterThan(requests)
      expect(requests).toBeLessThanOrEqual(REQUESTS_A_SECOND * seconds)
      const tails = await colos.tails()
      expect(Object.keys(tails)).toEqual([ONE])
      // What the tail answers one of them, the others of its data center adopt.
      if (store === 'none') expect(tails[ONE]).toBeGreaterThanOrEqual(stats.polls)
      else expect(tails[ONE]).toBeLessThan(stats.polls / 2)
    },
  )

  it.each(['none', 'caches.open'] as const)(
    'whose object ends again and again, with the store %s, go on by the next one',
    async (store) => {
      await using colos = await startColos({ store })
      let ended = 0
      const { violations, reads, stats } = await colos.storm(CHANGES, async () => {
        ended += await colos.abort()
      })
      expect(ended).toBe(CHANGES)
      expect(violations).toEqual([])
      expect(stats.reanchors).toBe(0)
      expect(stats.hits).toBeGreaterThan(reads / 4)
    },
  )

  it('over two objects hear of every eviction from the one that each of them asks', async () => {
    await using colos = await startColos({ store: 'caches.open', shards: 2 })
    const { violations, stats } = await colos.storm(CHANGES)
    expect(violations).toEqual([])
    expect(stats).toMatchObject({ pollFailures: 0, reanchors: 0 })
    expect(Object.keys(await colos.tails()).toSorted()).toEqual([ONE, 'cache-evictions:weur:1'])
  })

  it('cannot poll by the stub of another request: the platform refuses it', async () => {
    const file = 'worker/tail/durable-tail.ts'
    const kept = [
      { file, from: 'let shard: number', to: 'let kept: TailStub | undefined, shard: number' },
      { file, from: 'const stub = ', to: 'const stub = kept ??= ' },
    ]
    await using colos = await startColos({ replacements: kept })
    const fails = async () => {
      await colos.read(0)
      return (await colos.stats()).pollFailures > 0
    }
    await until(fails, 'a poll fails')
  })

  it('with a store that throws ask the tail each time, and fail no poll', async () => {
    await using colos = await startColos({ store: 'throws' })
    const { violations, stats } = await colos.storm(CHANGES)
    expect(violations).toEqual([])
    expect(stats).toMatchObject({ pollFailures: 0, reanchors: 0 })
    expect((await colos.tails())[ONE]).toBeGreaterThanOrEqual(stats.polls)
  })
})
