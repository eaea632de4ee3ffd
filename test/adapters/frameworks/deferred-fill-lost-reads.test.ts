/**
 * Reads that end without a value, and whose framework loads all the same. What it brings may meet the wait of a later
 * read: it is never held there if an eviction lies between the two.
 */
import { describe, expect, it } from 'vitest'
import { DeferredFills } from '../../../adapters/frameworks/deferred-fill.ts'
import { UnansweredReads } from '../../../adapters/frameworks/deferred-fill/unanswered-reads.ts'
import { unstorageDriver, type UnstorageItem } from '../../../adapters/frameworks/unstorage.ts'
import { KedgeError } from '../../../src/index.ts'
import type { CacheOptions, Namespace, NamespaceOptions } from '../../../src/index.ts'
import { replicate } from '../../../src/replicate/index.ts'
import { deferred, type Isolate, world, type World } from '../../src/world.ts'

interface Opened {
  readonly at: World
  readonly isolate: Isolate
  readonly space: Namespace<string>
  readonly fills: DeferredFills<string>
  readonly evict: (key?: string) => Promise<void>
}

async function opened(
  options: Partial<CacheOptions> = {},
  ofSpace: NamespaceOptions<string> = { ttl: '1h' },
): Promise<Opened> {
  const at = world()
  const isolate = at.isolate(options)
  const space = isolate.cache.namespace<string>('posts', ofSpace)
  await at.run(isolate.cache.sync())
  const evict = async (key = '1'): Promise<void> => {
    await at.run(space.delete(key))
    await at.run(isolate.cache.sync())
  }
  return { at, isolate, space, fills: new DeferredFills(space, at.runtime), evict }
}

const unreachable = () => new KedgeError('ERR_UNREACHABLE', 'away', { retryable: true })

/** After a read that ended without a value: an eviction, a read that is waited for, and what the first one loaded. */
async function bringsOld({ at, fills, evict }: Opened): Promise<string | undefined> {
  await evict()
  expect(await at.run(fills.read('1'))).toBeUndefined()
  await at.run(fills.bring('1', 'old'))
  return at.run(fills.read('1'))
}

describe('what is loaded after a read that ended without a value is not held by a later one', () => {
  it('where there was no place for one more load', async () => {
    const all = await opened({ maxLoads: 1 })
    const busy = deferred<string>()
    const other = all.space.getOrSet('other', () => busy.promise)
    expect(await all.at.run(all.fills.read('1'))).toBeUndefined()
    busy.resolve('x')
    await all.at.run(other)
    expect(await bringsOld(all)).toBeUndefined()
  })

  it('where it rejected, because freshness could not be proved', async () => {
    const all = await opened({ onUnreachable: 'throw' })
    await all.at.run(all.space.getOrSet('1', () => 'older'))
    all.isolate.kafka.fail(unreachable())
    await all.at.runtime.advance(3000)
    await expect(all.at.run(all.fills.read('1'))).rejects.toThrow(KedgeError)
    all.isolate.kafka.fail()
    await all.at.runtime.advance(30_000)
    expect(await bringsOld(all)).toBeUndefined()
  })

  it('where it rejected beside one that is waited for', async () => {
    const all = await opened({ onUnreachable: 'throw' })
    const { at, fills, space, isolate } = all
    await at.run(fills.read('1'))
    await at.run(space.set('1', 'older'))
    isolate.kafka.fail(unreachable())
    await at.runtime.advance(3000)
    await expect(at.run(fills.read('1'))).rejects.toThrow(KedgeError)
    // The one that is waited for brings its own.
    await at.run(fills.bring('1', 'its own'))
    isolate.kafka.fail()
    await at.runtime.advance(30_000)
    expect(await bringsOld(all)).toBeUndefined()
  })

  it.each<[string, () => Promise<string>]>([
    ['found nothing', async () => undefined as never],
    ['failed', async () => Promise.reject(new Error('down'))],
  ])('where it shared the load of another caller, which %s', async (_, load) => {
    const all = await opened()
    const gate = deferred<void>()
    const other = all.space.getOrSet('1', async () => gate.promise.then(load)).catch(() => undefined)
    await all.at.runtime.settle()
    const read = all.fills.read('1').catch(() => undefined)
    await all.at.runtime.settle()
    gate.resolve()
    await all.at.run(other)
    expect(await all.at.run(read)).toBeUndefined()
    expect(await bringsOld(all)).toBeUndefined()
  })

  it('where a value was given that is past its TTL', async () => {
    const all = await opened({ maxLoads: 1 })
    const { at, fills, space } = all
    const options = { ttl: 100, swr: '1m' } as const
    await at.run(fills.read('1', options))
    await at.run(fills.bring('1', 'first'))
    await at.runtime.advance(200)
    const gate = deferred<string>()
    const other = space.getOrSet('other', () => gate.promise)
    await at.runtime.settle()
    expect(await at.run(fills.read('1', options))).toBe('first')
    gate.resolve('x')
    await at.run(other)
    await at.runtime.advance(100)
    expect(await bringsOld(all)).toBeUndefined()
  })

  it('where no read waited for it any more, though another value has come since', async () => {
    const all = await opened()
    const { at, fills, evict } = all
    await at.run(fills.read('1'))
    await at.runtime.advance(12_000)
    await evict()
    await at.run(fills.read('1'))
    await at.run(fills.bring('1', 'of the second'))
    expect(await at.run(fills.read('1'))).toBeUndefined()
    await at.run(fills.bring('1', 'old'))
    expect(await at.run(fills.read('1'))).toBeUndefined()
  })

  it('where it was asked whether there is one, by a driver of unstorage that fills', async () => {
    const at = world()
    const { cache } = at.isolate()
    const space = cache.namespace<UnstorageItem>('pages')
    await at.run(cache.sync())
    const driver = unstorageDriver(space, { set: 'fill' })
    expect(await at.run(driver.hasItem('1'))).toBe(false)
    await at.run(space.delete('1'))
    await at.run(cache.sync())
    expect(await at.run(driver.getItem('1'))).toBeNull()
    await at.run(driver.setItem('1', 'old'))
    expect(await at.run(driver.getItem('1'))).toBeNull()
  })
})

describe('a load of a framework', () => {
  it('may take a minute: it is not held by a later read', async () => {
    for (const ms of [11_500, 45_000]) {
      const all = await opened()
      const { at, fills } = all
      await at.run(fills.read('1'))
      await at.run(fills.read('1'))
      await at.run(fills.bring('1', 'of the first'))
      await at.runtime.advance(ms)
      expect(await bringsOld(all), `after ${ms} ms`).toBeUndefined()
    }
  })

  it('may take as long as is said, and no key is kept from being held after that', async () => {
    const at = world()
    const { cache } = at.isolate()
    const space = cache.namespace<string>('posts', { ttl: '1h' })
    await at.run(cache.sync())
    for (const maxLoadMs of [20_000, 600_000]) {
      const fills = new DeferredFills(space, at.runtime, { maxLoadMs })
      const evictAndFill = async (): Promise<boolean> => {
        await at.run(space.delete('1'))
        await at.run(cache.sync())
        await at.run(fills.read('1'))
        return at.run(fills.bring('1', 'x'))
      }
      await at.run(space.delete('1'))
      await at.run(cache.sync())
      await at.run(fills.read('1'))
      await at.run(fills.read('1'))
      await at.run(fills.bring('1', 'x'))
      await at.runtime.advance(maxLoadMs - 1000)
      expect(await evictAndFill()).toBe(false)
      await at.runtime.advance(maxLoadMs + 1000)
      expect(await evictAndFill()).toBe(true)
    }
  })
})

describe('reads that nothing is waited for', () => {
  it('count as the oldest of those that are put together, in whatever order they were added', () => {
    const unanswered = new UnansweredReads(60_000)
    // One that is given up is added after those that came later.
    for (let n = 0; n < 20; n++) unanswered.add('k', { asOf: n === 1 ? 3 : 100 + n, generation: 1 }, n)
    const asOfs = unanswered.still('k', 100).map(({ asOf }) => asOf)
    expect(Math.min(...asOfs)).toBe(3)
  })
})

describe('a value that is past its TTL', () => {
  it('is not given to a framework that did not say how long it may be served after it', async () => {
    const at = world()
    const options = { use: [replicate()], staleIfError: '1h' } as const
    const [one, two] = [at.isolate(options), at.isolate(options)]
    const spaces = [one, two].map(({ cache }) => cache.namespace<string>('posts', { ttl: '1h' }))
    for (const { cache } of [one, two]) await at.run(cache.sync())
    const [mine, theirs] = spaces.map((space) => new DeferredFills(space, at.runtime))
    await at.run(mine!.read('1', { ttl: 10_000 }))
    await at.run(mine!.bring('1', 'old'))
    await at.runtime.advance(1000)
    await at.run(two.cache.sync())
    expect(await at.run(theirs!.read('1', { ttl: 10_000 }))).toBe('old')
    await at.runtime.advance(600_000)
    await at.run(two.cache.sync())
    expect(await at.run(theirs!.read('1', { ttl: 10_000 }))).toBeUndefined()
  })

  it('is not given either where the value itself says how long', async () => {
    const { at, fills, space } = await opened({}, { ttl: '10s', swr: () => '1h' })
    await at.run(space.getOrSet('1', () => 'old'))
    await at.runtime.advance(60_000)
    expect(await at.run(fills.read('1'))).toBeUndefined()
  })
})

describe('an isolate that starts while Kafka is away', () => {
  const cold = async (options: Partial<CacheOptions> = {}) => {
    const at = world()
    const isolate = at.isolate(options)
    isolate.kafka.fail(unreachable())
    const space = isolate.cache.namespace<string>('posts', { ttl: '1h' })
    return { at, isolate, space, fills: new DeferredFills(space, at.runtime) }
  }

  it('holds what is brought for as long as what it loads by itself', async () => {
    const { at, isolate, space, fills } = await cold({ maxOutage: '1m' })
    await at.run(isolate.cache.sync().catch(() => undefined))
    await at.run(space.getOrSet('2', () => 'b'))
    expect(await at.run(fills.read('1'))).toBeUndefined()
    expect(await at.run(fills.bring('1', 'a'))).toBe(true)
    expect(await at.run(fills.read('1'))).toBe('a')
    expect(await at.run(space.getEntry('1'))).toMatchObject({ staleBecause: 'unreachable' })
    await at.runtime.advance(61_000)
    expect(await at.run(space.get('2'))).toBeUndefined()
    expect(await at.run(fills.read('1'))).toBeUndefined()
    // And again, while it lasts.
    expect(await at.run(fills.bring('1', 'c'))).toBe(true)
    expect(await at.run(fills.read('1'))).toBe('c')
    isolate.kafka.fail()
    await at.runtime.advance(60_000)
    await at.run(isolate.cache.sync())
    expect(await at.run(fills.read('1'))).toBeUndefined()
    expect(await at.run(fills.bring('1', 'proved'))).toBe(true)
    expect(await at.run(space.getEntry('1'))).toMatchObject({ state: 'fresh', value: 'proved' })
  })

  it('does so from the first read on that finds it away', async () => {
    const { at, fills } = await cold()
    for (const key of ['1', '2']) {
      await at.run(fills.read(key))
      await at.run(fills.bring(key, 'a'))
    }
    expect(await at.run(fills.read('2'))).toBe('a')
  })

  it('keeps half of its few places for the loads of others', async () => {
    const { at, isolate, space, fills } = await cold({ maxBypassLoads: 4 })
    await at.run(isolate.cache.sync().catch(() => undefined))
    const since = at.runtime.now()
    // Their framework fails to load, and brings nothing.
    for (const key of ['1', '2', '3', '4', '5']) expect(await at.run(fills.read(key))).toBeUndefined()
    expect(await at.run(space.getOrSet('6', () => 'loaded'))).toBe('loaded')
    expect(at.runtime.now() - since).toBeLessThan(1000)
  })

  it.each(['bypass', 'throw'] as const)(
    'waits for nothing that it would not hold: %s',
    async (onUnreachable) => {
      const { at, isolate, space, fills } = await cold({ onUnreachable })
      await at.run(isolate.cache.sync().catch(() => undefined))
      await at.run(fills.read('1').catch(() => undefined))
      expect(await at.run(fills.bring('1', 'a'))).toBe(false)
      expect(space.peek('1')).toBeUndefined()
    },
  )
})
