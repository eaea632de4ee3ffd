import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { cachified, softPurge } from '@epic-web/cachified'
import { type CachifiedEntry, cachifiedCache } from '../../../adapters/frameworks/cachified.ts'
import { DeferredFills } from '../../../adapters/frameworks/deferred-fill.ts'
import { unstorageDriver, type UnstorageItem } from '../../../adapters/frameworks/unstorage.ts'
import { isKedgeError, KedgeError } from '../../../src/index.ts'
import { type Isolate, world } from '../../src/world.ts'
import { deferred } from '../../src/world.ts'
import { isolates } from './world.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('a value that is brought late', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'performance'] }))
  afterEach(() => void vi.useRealTimers())

  it('is not held by readers that come after the delete of its key', async () => {
    const [here] = await isolates<UnstorageItem>()
    const driver = unstorageDriver(here.space, { set: 'fill' })
    expect(await driver.getItem('page')).toBeNull()
    await driver.removeItem('page')
    expect(await driver.getItem('page')).toBeNull()
    await driver.setItem('page', 'loaded before it was removed')
    expect(await driver.getItem('page')).toBeNull()
  })

  it('is not held by readers that come after cachified deleted its key', async () => {
    const [here] = await isolates<CachifiedEntry>()
    const cache = cachifiedCache(here.space)
    const gate = deferred<string>()
    const first = cachified({ cache, key: 'k', ttl: 60_000, getFreshValue: () => gate.promise })
    await turn()
    await cache.delete('k')
    const second = cachified({ cache, key: 'k', ttl: 60_000, getFreshValue: () => 'new' })
    await turn()
    gate.resolve('old')
    await Promise.all([first, second])
    expect(await cache.get('k')).toBeUndefined()
  })

  // Within one millisecond, after a tick, and after the clock was set back.
  it.each([0, 5, -60_000])(
    'is not held by readers that come %d ms after its start without a read',
    async (ms) => {
      const [here, there] = await isolates<CachifiedEntry>()
      const cache = cachifiedCache(here.space)
      const gate = deferred<string>()
      const options = { cache, key: 'k', ttl: 600_000, getFreshValue: () => gate.promise }
      const forced = cachified({ ...options, forceFresh: true })
      await turn()
      await there.space.delete('k')
      await here.catchUp()
      vi.setSystemTime(Date.now() + ms)
      const second = cachified(options)
      await turn()
      gate.resolve('old')
      await Promise.all([forced, second])
      expect(await cache.get('k')).toBeUndefined()
    },
  )
})

describe('a value that may be of any of several reads', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'performance'] }))
  afterEach(() => void vi.useRealTimers())

  const reading = async () => {
    const [here, there] = await isolates<UnstorageItem>()
    const driver = unstorageDriver(here.space, { set: 'fill' })
    const evict = async () => {
      await there.space.delete('page')
      await here.catchUp()
    }
    return { driver, evict }
  }

  it('counts as the oldest: what was loaded before an eviction is not held after it', async () => {
    const { driver, evict } = await reading()
    // Two requests look, and load; the second is faster.
    expect([await driver.getItem('page'), await driver.getItem('page')]).toEqual([null, null])
    await driver.setItem('page', 'old, of the second')
    expect(await driver.getItem('page')).toBe('old, of the second')
    await evict()
    expect(await driver.getItem('page')).toBeNull()
    await driver.setItem('page', 'old, of the first')
    expect(await driver.getItem('page')).toBeNull()
  })

  it('is held where nothing was evicted since, and again when the others are over', async () => {
    const { driver, evict } = await reading()
    for (const nth of [1, 2, 3]) {
      expect([await driver.getItem('page'), await driver.getItem('page')]).toEqual([null, null])
      await driver.setItem('page', `v${nth}`)
      expect(await driver.getItem('page')).toBe(`v${nth}`)
      await evict()
      vi.advanceTimersByTime(61_000)
    }
  })

  it('is held at once by a read that no other was beside', async () => {
    const { driver, evict } = await reading()
    for (const nth of [1, 2, 3]) {
      expect(await driver.getItem('page')).toBeNull()
      await driver.setItem('page', `v${nth}`)
      expect(await driver.getItem('page')).toBe(`v${nth}`)
      await evict()
    }
  })
})

describe('a fill of cachified', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'performance'] }))
  afterEach(() => void vi.useRealTimers())

  const opened = async () => {
    const [here, there] = await isolates<CachifiedEntry>()
    const cache = cachifiedCache(here.space)
    const read = (value: unknown, more = {}) =>
      cachified({ cache, key: 'k', ttl: 60_000, getFreshValue: () => value, ...more })
    const evict = async () => {
      await there.space.delete('k')
      await here.catchUp()
    }
    return { here, cache, read, evict }
  }

  it('is held though a load before it failed, and an eviction came in between', async () => {
    const { read, evict } = await opened()
    await expect(read(Promise.reject(new Error('down')))).rejects.toThrow('down')
    await evict()
    expect([await read('a'), await read('b')]).toEqual(['a', 'a'])
  })

  it('is held though the clock is set while it is loaded', async () => {
    const { read, evict } = await opened()
    for (const ms of [-3_600_000, 60_000, -1, 1]) {
      const gate = deferred<number>()
      const first = read(gate.promise, { ttl: Infinity })
      await turn()
      vi.setSystemTime(Date.now() + ms)
      gate.resolve(ms)
      await first
      expect(await read('again', { ttl: Infinity })).toBe(ms)
      await evict()
    }
  })

  it('is held though long passes between the call and the read', async () => {
    const { read } = await opened()
    const slow = (): undefined => void vi.advanceTimersByTime(50)
    expect(await cachifiedSlowly(read, slow)).toEqual(['a', 'a'])
  })

  it('of one that was begun after the read counts as its own', async () => {
    const { read, cache } = await opened()
    expect(await cache.get('k')).toBeUndefined()
    expect(await read('forced', { forceFresh: true })).toBe('forced')
    expect(await read('other')).toBe('forced')
  })

  it('is none, where nothing is loaded: neither softPurge nor a set by hand', async () => {
    const { read, cache } = await opened()
    await read('a')
    await cache.delete('k')
    expect(await cache.get('k')).toBeUndefined()
    await cache.set('k', { metadata: { createdTime: Date.now(), ttl: null }, value: 'by hand' })
    expect(await read('b')).toBe('b')
    await softPurge({ cache, key: 'k' })
    expect(await read('c')).toBe('b')
  })

  it('reports a value that cannot outlive a request', async () => {
    const { read } = await opened()
    const said: unknown[] = []
    const reporter = () => (event: { name: string; error?: unknown }) => void said.push(event.error)
    const options = { getFreshValue: () => new Response('x') as never }
    const cache = await opened().then((each) => each.cache)
    await cachified({ cache, key: 'k', ...options }, reporter as never)
    expect(said.filter(isKedgeError).map(({ code }) => code)).toEqual(['ERR_CODEC'])
    expect(await read('a')).toBe('a')
  })
})

/** Reads twice, each time with a pause within the call, before cachified reads. */
async function cachifiedSlowly(
  read: (value: unknown, more?: object) => Promise<unknown>,
  pause: () => void,
): Promise<unknown[]> {
  const reporter = {
    get ttl() {
      return (pause(), 60_000)
    },
  }
  return [await read('a', reporter), await read('b', reporter)]
}

describe('values that come late', () => {
  const opened = async (isolatesRequests: boolean, options = {}) => {
    const at = world({ isolatesRequests })
    const isolate: Isolate = at.isolate(options)
    const space = isolate.cache.namespace<string>('things')
    await at.run(isolate.cache.sync())
    return { at, isolate, space, fills: new DeferredFills(space, at.runtime) }
  }

  it('are not held by readers that come after they were given up', async () => {
    const { at, isolate, space, fills } = await opened(false)
    expect(await at.run(fills.read('k'))).toBeUndefined()
    await at.runtime.advance(12_000)
    await at.run(space.delete('k'))
    await at.run(isolate.cache.sync())
    expect(await at.run(fills.read('k'))).toBeUndefined()
    await at.run(fills.bring('k', 'old'))
    expect(await at.run(space.get('k'))).toBeUndefined()
    // A slow reader does not for ever keep the values of others from being held.
    await at.runtime.advance(61_000)
    expect(await at.run(fills.read('k'))).toBeUndefined()
    expect(await at.run(fills.bring('k', 'new'))).toBe(true)
    expect(await at.run(space.get('k'))).toBe('new')
  })

  it('are held again after a reader has vanished with its request, and wait for no other reader', async () => {
    const { at, space, fills } = await opened(true)
    // Its request is gone: none of its timers fires any more.
    let vanished = true
    const sleep = at.runtime.sleep.bind(at.runtime)
    at.runtime.sleep = (ms, signal) => (vanished ? new Promise(() => undefined) : sleep(ms, signal))
    await at.run(fills.read('k'))
    vanished = false
    await at.runtime.advance(12_000)
    expect(await at.run(fills.read('k'))).toBeUndefined()
    await at.run(fills.bring('k', 'a'))
    expect(await at.run(space.get('k'))).toBe('a')
  })

  it('are neither waited for nor in the way while Kafka is out of reach', async () => {
    const { at, isolate, fills } = await opened(false, { onUnreachable: 'bypass', maxBypassLoads: 2 })
    isolate.kafka.fail(new KedgeError('ERR_UNREACHABLE', 'down', { retryable: true }))
    await at.runtime.advance(3000)
    const read = async (key: string) => at.run(fills.read(key), 11_000)
    // The first one begins the poll that fails.
    for (const key of ['a', 'b']) {
      await read(key)
      await at.run(fills.bring(key, 'x'))
    }
    const before = at.runtime.now()
    // Their loads fail: no value is ever brought.
    for (const key of ['1', '2', '3', '4', '5']) expect(await read(key)).toBeUndefined()
    expect(at.runtime.now() - before).toBeLessThan(5000)
  })

  it('do not wait for places in the moment in which Kafka is out of reach for too long', async () => {
    const { at, isolate, fills } = await opened(false, { maxOutage: '10s', maxBypassLoads: 2 })
    isolate.kafka.fail(new KedgeError('ERR_UNREACHABLE', 'away', { retryable: true }))
    for (let n = 0; n < 15; n++) {
      await at.runtime.advance(1000)
      await at.run(isolate.cache.sync())
    }
    const since = at.runtime.now()
    const reads = ['1', '2', '3', '4', '5', '6'].map((key) => fills.read(key))
    expect(await at.run(Promise.all(reads))).toEqual(reads.map(() => undefined))
    expect(at.runtime.now() - since).toBeLessThan(1000)
  })

  it('are held at once after an eviction where their framework says when it began with them', async () => {
    const { at, isolate, space, fills } = await opened(false)
    for (const value of ['a', 'b', 'c']) {
      await at.run(fills.read('k'))
      await at.run(fills.read('k'))
      await at.runtime.advance(1)
      expect(await at.run(fills.bring('k', value, { since: at.runtime.now() }))).toBe(true)
      expect(await at.run(space.get('k'))).toBe(value)
      await at.run(space.delete('k'))
      await at.run(isolate.cache.sync())
    }
  })

  it('leave places for the loads of others, on however many namespaces they are waited for', async () => {
    const at = world()
    const { cache } = at.isolate({ maxLoads: 6 })
    const all = ['users', 'products', 'prices'].map(
      (name) => new DeferredFills<string>(cache.namespace(name), at.runtime),
    )
    await at.run(cache.sync())
    const since = at.runtime.now()
    // Their frameworks fail to load, and bring nothing.
    for (const fills of all)
      for (const key of ['1', '2', '3']) expect(await at.run(fills.read(key))).toBeUndefined()
    expect(await at.run(cache.namespace('other').getOrSet('k', () => 'loaded'))).toBe('loaded')
    expect(at.runtime.now() - since).toBeLessThan(1000)
    // Places that no load has filled are given up, and there is room again, on each of them.
    await at.runtime.advance(12_000)
    await at.run(all[2]!.read('4'))
    await at.run(all[2]!.bring('4', 'brought'))
    expect(await at.run(cache.namespace('prices').get('4'))).toBe('brought')
  })

  it('miss where there is no place for one more load', async () => {
    const { at, fills } = await opened(false, { maxLoads: 1 })
    await at.run(fills.read('1'))
    expect(await at.run(fills.read('2'))).toBeUndefined()
  })

  it('are not waited for where a stale value was served before the cache could ask', async () => {
    const { at, isolate, space, fills } = await opened(false, { maxLoads: 1 })
    const options = { ttl: 100, swr: '1m' } as const
    await at.run(fills.read('k', options))
    await at.run(fills.bring('k', 'first'))
    await at.runtime.advance(200)
    const gate = deferred<string>()
    const other = space.getOrSet('other', () => gate.promise)
    await at.runtime.advance(10)
    expect(await at.run(fills.read('k', options))).toBe('first')
    await at.run(space.delete('k'))
    await at.run(isolate.cache.sync())
    gate.resolve('x')
    await at.run(other)
    await at.runtime.advance(100)
    await at.run(fills.bring('k', 'loaded before the eviction'))
    expect(await at.run(space.get('k'))).toBeUndefined()
    expect(
      await at.run(
        space.getOrSet('another', () => 'has a place'),
        1000,
      ),
    ).toBe('has a place')
  })
})
