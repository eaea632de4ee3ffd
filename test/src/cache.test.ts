import { beforeEach, describe, expect, it } from 'vitest'
import { isKedgeError } from '../../src/index.ts'
import type { Cache, CacheOptions, KafkaLog } from '../../src/index.ts'
import { source, world } from './world.ts'
import type { World } from './world.ts'

let at: World
beforeEach(() => {
  at = world()
})

/** A cache that has proved its freshness once. */
async function ready(options: Partial<CacheOptions> = {}) {
  const isolate = at.isolate(options)
  const users = isolate.cache.namespace<string | null>('users')
  await isolate.cache.sync()
  return { ...isolate, users }
}

describe('reading', () => {
  it('a key that was never loaded has no value', async () => {
    const { users } = await ready()
    expect(await users.get('1')).toBeUndefined()
    expect(users.peek('1')).toBeUndefined()
  })

  it('getOrSet loads once and then serves what it holds', async () => {
    const { users, cache } = await ready()
    const db = source({ '1': 'Ada' })
    expect(await users.getOrSet('1', db.load)).toBe('Ada')
    expect(await users.getOrSet('1', db.load)).toBe('Ada')
    expect(await users.get('1')).toBe('Ada')
    expect(users.peek('1')).toBe('Ada')
    expect(db.reads).toBe(1)
    expect(cache.stats()).toMatchObject({ entries: 1, loads: 1, misses: 1, hits: 3 })
  })

  it('the first load does not wait for Kafka, and is not kept', async () => {
    const { cache, kafka } = at.isolate()
    kafka.pause()
    const users = cache.namespace<string>('users')
    const db = source({ '1': 'Ada' })
    expect(await users.getOrSet('1', db.load)).toBe('Ada')
    expect(users.peek('1')).toBeUndefined()
    kafka.resume()
    await at.run(cache.sync())
    await users.getOrSet('1', db.load)
    expect(users.peek('1')).toBe('Ada')
  })

  it('a loader that finds nothing caches nothing; null is a value like any other', async () => {
    const { users } = await ready()
    let loads = 0
    const nothing = () => void loads++ as unknown as string
    expect(await users.getOrSet('1', nothing)).toBeUndefined()
    expect(await users.getOrSet('1', nothing)).toBeUndefined()
    expect(loads).toBe(2)
    const none = source<string | null>({ '2': null })
    expect(await users.getOrSet('2', none.load)).toBeNull()
    expect(await users.getOrSet('2', none.load)).toBeNull()
    expect(none.reads).toBe(1)
  })

  it('what a loader throws reaches the caller untouched, and is not kept', async () => {
    const { users } = await ready()
    const thrown = { status: 500 }
    await expect(users.getOrSet('1', () => Promise.reject(thrown))).rejects.toBe(thrown)
    expect(await users.getOrSet('1', () => 'Ada')).toBe('Ada')
  })

  it('getMany leaves out what is not held, getOrSetMany loads only what is missing, in one call', async () => {
    const { users } = await ready()
    await users.getOrSet('1', () => 'Ada')
    expect([...(await users.getMany(['1', '2']))]).toEqual([['1', 'Ada']])
    const asked: (readonly string[])[] = []
    const found = await users.getOrSetMany(['3', '1', '2', '4', '3'], (keys) => {
      asked.push(keys)
      return { '2': 'Bob', '3': 'Cyd' }
    })
    expect(asked).toEqual([['3', '2', '4']])
    expect([...found]).toEqual([
      ['3', 'Cyd'],
      ['1', 'Ada'],
      ['2', 'Bob'],
    ])
    expect(users.peek('2')).toBe('Bob')
    expect(users.peek('4')).toBeUndefined()
  })

  it('getEntry says where the value came from', async () => {
    const { users } = await ready()
    const load = () => 'Ada'
    expect(await users.getEntry('1', load, { ttl: '10s' })).toMatchObject({
      state: 'fresh',
      cached: false,
      from: 'loader',
      stored: true,
      ttlMs: 10_000,
    })
    await at.runtime.advance(500)
    expect(await users.getEntry('1', load)).toEqual({
      state: 'fresh',
      value: 'Ada',
      ageMs: 500,
      ttlMs: 9500,
      cached: true,
      from: 'memory',
      stored: false,
      bypassed: false,
    })
    expect(await users.getEntry('2')).toMatchObject({ state: 'miss', value: undefined, cached: false })
  })

  it('keys that no message could carry are refused', async () => {
    const { users } = await ready()
    for (const key of ['', 'x'.repeat(513), '\ud800', 7 as unknown as string]) {
      await expect(users.get(key)).rejects.toThrow(TypeError)
      await expect(users.getOrSet(key, () => 'x')).rejects.toThrow(TypeError)
      await expect(users.delete(key)).rejects.toThrow(TypeError)
    }
  })

  it('an aborted call rethrows the reason itself, and the load goes on for others', async () => {
    const { users } = await ready()
    const abort = new AbortController()
    let finish!: (value: string) => void
    const load = () => new Promise<string>((resolve) => (finish = resolve))
    const call = users.getOrSet('1', load, { signal: abort.signal })
    const other = users.getOrSet('1', load)
    await at.runtime.settle()
    const reason = { why: 'gone' }
    abort.abort(reason)
    await expect(call).rejects.toBe(reason)
    finish('Ada')
    expect(await other).toBe('Ada')
    await expect(users.get('1', { signal: abort.signal })).rejects.toBe(reason)
  })
})

describe('time to live', () => {
  it('counts from the start of the load', async () => {
    const { users, cache } = await ready()
    const slow = async () => {
      await at.runtime.sleep(900)
      return 'Ada'
    }
    expect(await at.run(users.getOrSet('1', slow, { ttl: 1000 }))).toBe('Ada')
    expect(users.peek('1')).toBe('Ada')
    await at.runtime.advance(100)
    await cache.sync()
    expect(users.peek('1')).toBeUndefined()
  })

  it('may depend on the value, and 0 keeps it out', async () => {
    const { users, cache } = await ready()
    const ttl = (value: string | null) => (value === null ? 0 : '1m')
    await users.getOrSet('1', () => null, { ttl })
    await users.getOrSet('2', () => 'Bob', { ttl })
    expect(cache.stats().entries).toBe(1)
  })

  it('is shortened by jitter, never lengthened', async () => {
    const { users } = await ready()
    const ttls = new Set<number>()
    for (let n = 0; n < 50; n++) {
      const { ttlMs } = await users.getEntry(`${n}`, () => 'x', { ttl: 1000, jitter: 0.2 })
      expect(ttlMs).toBeGreaterThanOrEqual(800)
      expect(ttlMs).toBeLessThanOrEqual(1000)
      ttls.add(ttlMs)
    }
    expect(ttls.size).toBeGreaterThan(10)
  })

  it('ends while the process is frozen', async () => {
    const { users, cache } = await ready({ ttl: '10s', maxStaleness: '1h', maxOutage: '1h' })
    await users.getOrSet('1', () => 'Ada')
    at.runtime.freeze(10_000)
    expect(users.peek('1')).toBeUndefined()
    expect(cache.freshness().ageMs).toBe(10_000)
  })

  it('is not lengthened by a wall clock that steps back', async () => {
    const { users } = await ready({ ttl: '10s', maxStaleness: '1h', maxOutage: '1h' })
    await users.getOrSet('1', () => 'Ada')
    at.runtime.stepWall(-3_600_000)
    await at.runtime.advance(10_000)
    expect(users.peek('1')).toBeUndefined()
  })

  it('its end is announced only where that was asked for, and what has to make room never is', async () => {
    const quiet = await ready({ maxEntries: 2 })
    for (const key of ['1', '2', '3']) await quiet.users.getOrSet(key, () => 'x', { ttl: 1000 })
    await at.runtime.advance(1000)
    await at.run(quiet.users.get('3'))
    expect(quiet.kafka.calls.produce).toBe(0)

    const loud = await ready({ announceExpiry: true })
    const other = await ready()
    await loud.users.getOrSet('1', () => 'x', { ttl: 1000 })
    await other.users.getOrSet('1', () => 'x')
    await at.runtime.advance(1000)
    expect(await at.run(loud.users.getOrSet('1', () => 'y'))).toBe('y')
    await at.runtime.settle()
    expect(loud.kafka.calls.produce).toBe(1)
    await at.run(other.cache.sync())
    expect(other.users.peek('1')).toBeUndefined()
    // Its own announcement does not concern the value that was loaded since.
    await at.run(loud.cache.sync())
    expect(loud.users.peek('1')).toBe('y')
  })
})

describe('stale values', () => {
  it('swr serves the expired value and loads it again behind', async () => {
    const { users, cache } = await ready()
    const db = source({ '1': 'old' })
    const options = { ttl: 1000, swr: '5s' } as const
    await users.getOrSet('1', db.load, options)
    db.rows.set('1', 'new')
    await at.runtime.advance(1500)
    await cache.sync()
    expect(await users.getEntry('1', db.load, options)).toMatchObject({
      state: 'stale',
      staleBecause: 'swr',
      value: 'old',
      ttlMs: -500,
    })
    await at.runtime.settle()
    expect(await users.getEntry('1', db.load, options)).toMatchObject({ state: 'fresh', value: 'new' })
    expect(db.reads).toBe(2)
  })

  it('a loader sees the expired value that is still held', async () => {
    const { users, cache } = await ready()
    await users.getOrSet('1', () => 'old', { ttl: 1000, swr: '5s' })
    await at.runtime.advance(1500)
    await cache.sync()
    const seen: unknown[] = []
    await users.getOrSet('1', ({ stale }) => (seen.push(stale), 'new'))
    expect(seen).toEqual(['old'])
  })

  it('a loader keeps the expired value that it began with, whatever happens to it meanwhile', async () => {
    const { users, cache } = await ready()
    await users.getOrSet('1', () => 'old', { ttl: 1000, swr: '1s', staleIfError: '5s' })
    await at.runtime.advance(2500)
    await cache.sync()
    // A source that is asked whether it has a newer value, and says that it has not.
    const notModified = async (context: { readonly stale: string | null | undefined }) => {
      const asked = context.stale
      await users.delete('1')
      expect(asked).toBe('old')
      return context.stale!
    }
    expect(await users.getOrSet('1', notModified)).toBe('old')
  })

  it('staleIfError serves the expired value when the loader fails, and only within its window', async () => {
    const { users, cache } = await ready()
    const options = { ttl: 1000, staleIfError: '5s' } as const
    await users.getOrSet('1', () => 'old', options)
    const fails = () => Promise.reject(new Error('down'))
    await at.runtime.advance(1500)
    await cache.sync()
    expect(await users.getEntry('1', fails, options)).toMatchObject({
      state: 'stale',
      staleBecause: 'error',
      value: 'old',
    })
    await expect(users.getOrSet('1', fails)).rejects.toThrow('down')
    await at.runtime.advance(5000)
    await cache.sync()
    await expect(users.getOrSet('1', fails, options)).rejects.toThrow('down')
  })

  it('timeout serves the expired value while a slow load goes on', async () => {
    const { users, cache } = await ready()
    const options = { ttl: 1000, staleIfError: '1m', timeout: 100 } as const
    await users.getOrSet('1', () => 'old', options)
    await at.runtime.advance(1500)
    await cache.sync()
    const slow = async () => {
      await at.runtime.sleep(300)
      return 'new'
    }
    const entry = await at.run(users.getEntry('1', slow, options))
    expect(entry).toMatchObject({ staleBecause: 'timeout', value: 'old' })
    await at.runtime.advance(300)
    expect(users.peek('1')).toBe('new')
  })

  it('a stale value that was evicted in the meantime is not served', async () => {
    const { users, cache } = await ready()
    const options = { ttl: 1000, staleIfError: '1m', swr: '1m' } as const
    await users.getOrSet('1', () => 'old', options)
    await at.runtime.advance(1500)
    await cache.sync()
    await users.delete('1')
    await expect(users.getOrSet('1', () => Promise.reject(new Error('down')), options)).rejects.toThrow(
      'down',
    )
  })

  it('hardTimeout gives a load up, aborts its signal, and never keeps what comes later', async () => {
    const { users } = await ready()
    let signal!: AbortSignal
    const call = users.getOrSet(
      '1',
      async (context) => {
        signal = context.signal
        await at.runtime.sleep(5000)
        return 'late'
      },
      { hardTimeout: 1000 },
    )
    await expect(at.run(call)).rejects.toMatchObject({ code: 'ERR_LOADER_TIMEOUT', retryable: true })
    expect(signal.aborted).toBe(true)
    await at.runtime.advance(5000)
    expect(users.peek('1')).toBeUndefined()
  })
})

describe('writing', () => {
  it('set holds the value here and evicts it elsewhere', async () => {
    const here = await ready()
    const there = await ready()
    await there.users.getOrSet('1', () => 'old')
    await here.users.set('1', 'new', { ttl: '10s' })
    expect(here.users.peek('1')).toBe('new')
    await at.run(there.cache.sync())
    expect(there.users.peek('1')).toBeUndefined()
  })

  it('delete takes one key or many, in as many records as it needs', async () => {
    const { users, cache } = await ready()
    const keys = Array.from({ length: 250 }, (_, n) => `${n}`)
    for (const key of keys) await users.getOrSet(key, () => 'x')
    await users.delete('0')
    expect(users.peek('0')).toBeUndefined()
    expect(await users.delete(keys)).toMatch(/^k1\.0-4~/)
    expect(cache.stats().entries).toBe(0)
    expect(at.log.offsets('cache-evictions', 0).end).toBe(4)
    await expect(users.delete([])).rejects.toThrow(TypeError)
  })

  it('records are split until each is within maxMessageBytes', async () => {
    const { users, cache } = await ready({ maxMessageBytes: 700 })
    const keys = Array.from({ length: 20 }, (_, n) => `${n}`.padEnd(100, 'x'))
    for (const key of keys) await users.getOrSet(key, () => 'x')
    await users.delete(keys)
    expect(at.log.offsets('cache-evictions', 0).end).toBeGreaterThanOrEqual(4)
    expect(cache.stats().entries).toBe(0)
  })

  it('invalidateTags, invalidatePrefix and clear reach other isolates', async () => {
    const here = await ready()
    const there = await ready()
    const fill = () =>
      there.users.getOrSetMany(['eu/1', 'eu/2', 'us/1'], () => ({ 'eu/1': 'a', 'eu/2': 'b', 'us/1': 'c' }), {
        tags: (value) => (value === 'a' ? ['team:7', 'team:8'] : ['team:9']),
      })
    await fill()
    await here.users.invalidateTags(['team:7', 'team:1'])
    await at.run(there.cache.sync())
    expect([...(await there.users.getMany(['eu/1', 'eu/2', 'us/1'])).keys()]).toEqual(['eu/2', 'us/1'])
    await fill()
    await here.users.invalidatePrefix('eu/')
    await at.run(there.cache.sync())
    expect([...(await there.users.getMany(['eu/1', 'eu/2', 'us/1'])).keys()]).toEqual(['us/1'])
    await fill()
    await here.users.clear()
    await at.run(there.cache.sync())
    expect(there.cache.stats().entries).toBe(0)
  })

  it('clearing the cache reaches every namespace in every partition, and nothing else does', async () => {
    const options = { evictionPartitions: 4 }
    const here = at.isolate(options).cache
    const there = at.isolate(options).cache
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    at.log.createTopic('cache-evictions', { partitions: 4 })
    for (const name of names) {
      here.namespace(name)
      there.namespace(name)
    }
    await there.sync()
    for (const name of names) await there.namespace(name).getOrSet('1', () => 'x')
    await here.namespace('a').clear()
    await there.sync()
    expect(there.stats().entries).toBe(5)
    expect(await here.clear()).toMatch(/^k1(\.[0-3]-\d+){4}$/)
    await there.sync()
    expect(there.stats().entries).toBe(0)
  })

  it('of two versions the higher one stays, in either order', async () => {
    const { users } = await ready()
    await users.set('1', 'v2', { version: 2 })
    await expect(users.set('1', 'v1', { version: 1 })).rejects.toMatchObject({ code: 'ERR_SUPERSEDED' })
    expect(users.peek('1')).toBe('v2')
    await users.delete('1', { version: 2 })
    expect(users.peek('1')).toBe('v2')
    await users.delete('1', { version: 3 })
    expect(users.peek('1')).toBeUndefined()
  })

  it('an eviction that is not acknowledged is an error, and drops here what it may have meant', async () => {
    const { users, kafka, of } = await ready()
    await users.getOrSetMany(['1', '2'], () => ({ '1': 'a', '2': 'b' }), { tags: (value) => [`is:${value}`] })
    kafka.fail(new TypeError('no'), { on: 'produce' })
    const error = await at.run(users.delete('1').catch((reason: unknown) => reason))
    expect(isKedgeError(error) && error.code).toBe('ERR_PUBLISH')
    expect(users.peek('1')).toBeUndefined()
    expect(users.peek('2')).toBe('b')
    await at.run(users.invalidateTags('is:b').catch(() => undefined))
    expect(users.peek('2')).toBeUndefined()
    expect(of('publish_failed')).toHaveLength(2)
  })

  it('a write that fails for a moment is tried again, and a lost acknowledgement only evicts twice', async () => {
    const { KedgeError } = await import('../../src/index.ts')
    const { users, kafka } = await ready()
    kafka.fail(new KedgeError('ERR_NETWORK', 'reset', { retryable: true }), {
      on: 'produce',
      when: 'after',
      times: 2,
    })
    expect(await at.run(users.delete('1'))).toMatch(/^k1\.0-3~/)
  })

  it('undefined is refused as a value', async () => {
    const { users } = await ready()
    await expect(users.set('1', undefined as unknown as string)).rejects.toThrow(TypeError)
  })
})

describe('limits', () => {
  it('values are bounded in number and in bytes', async () => {
    const { users, cache } = await ready({ maxEntries: 10, maxBytes: 20_000 })
    for (let n = 0; n < 100; n++) {
      await users.getOrSet(`${n}`, () => 'x'.repeat(n * 10))
      expect(cache.stats().entries).toBeLessThanOrEqual(10)
      expect(cache.stats().bytes).toBeLessThanOrEqual(20_000)
    }
    expect(cache.stats().entries).toBeGreaterThan(3)
  })

  it('a value that is too large is returned and not kept', async () => {
    const { users, cache, of } = await ready({ maxBytes: 10_000, maxEntryBytes: 1000 })
    expect(await users.getOrSet('1', () => 'x'.repeat(1000))).toHaveLength(1000)
    expect(cache.stats().entries).toBe(0)
    expect(of('refuse')).toMatchObject([{ key: '1', reason: 'size' }])
  })

  it('a namespace keeps to its share and leaves others theirs', async () => {
    const { cache } = at.isolate({ maxEntries: 100 })
    const small = cache.namespace<string>('small', { maxEntries: 5 })
    const large = cache.namespace<string>('large')
    await cache.sync()
    for (let n = 0; n < 50; n++) await large.getOrSet(`${n}`, () => 'x')
    for (let n = 0; n < 50; n++) await small.getOrSet(`${n}`, () => 'x')
    expect(cache.stats().entries).toBeLessThanOrEqual(55)
    expect((await large.getMany(Array.from({ length: 50 }, (_, n) => `${n}`))).size).toBe(50)
  })

  it('more loads than maxLoads wait for their turn, and are then refused', async () => {
    const { users } = await ready({ maxLoads: 1 })
    let finish!: (value: string) => void
    const first = users.getOrSet('1', () => new Promise<string>((resolve) => (finish = resolve)))
    const second = users.getOrSet('2', () => 'two')
    const third = users.getOrSet('3', () => 'three', { hardTimeout: 200 })
    await expect(at.run(third)).rejects.toMatchObject({ code: 'ERR_OVERLOADED' })
    finish('one')
    expect(await at.run(Promise.all([first, second]))).toEqual(['one', 'two'])
  })
})

describe('using it wrongly', () => {
  it('a namespace is declared once, under a name that messages can carry', async () => {
    const { cache } = at.isolate()
    expect(() => cache.namespace('a/b')).toThrow(TypeError)
    cache.namespace('a', { ttl: '1m' })
    expect(() => cache.namespace('a', { ttl: '1m' })).toThrow('declared already')
    expect(() => cache.namespace('a')).not.toThrow()
  })

  it('options that are wrong or unknown are a TypeError that quotes them', async () => {
    const { users } = await ready()
    expect(() => at.isolate({ maxByte: 1 } as Partial<CacheOptions>)).toThrow('`maxByte`')
    expect(() => at.isolate({ kafka: {} as KafkaLog })).toThrow('`kafka`')
    await expect(users.getOrSet('1', () => 'x', { ttl: '1 minute' as '1m' })).rejects.toThrow('`ttl`')
    await expect(users.getOrSet('1', () => 'x', { tll: '1m' } as object)).rejects.toThrow('`tll`')
    await expect(users.delete('1', { ttl: 1 } as object)).rejects.toThrow('`ttl`')
  })

  it('a listener that throws breaks nothing', async () => {
    const { users } = await ready({
      onEvent: () => {
        throw new Error('mine')
      },
    })
    expect(await users.getOrSet('1', () => 'x')).toBe('x')
  })
})

describe('settings that would mean something else', () => {
  it('one topic for evictions and updates is refused, and so is a topic that Kafka refuses', () => {
    expect(() => at.isolate({ topics: { evictions: 'one', updates: 'one' } })).toThrow('`topics.updates`')
    expect(() => at.isolate({ topics: { evictions: '..' } })).toThrow('`topics.evictions`')
  })
})

describe('closing', () => {
  it('refuses what comes after, ends loads under way, and closes the log once', async () => {
    let closes = 0
    const isolate = at.isolate()
    const cache: Cache = isolate.cache
    isolate.kafka.close = async () => void closes++
    const users = cache.namespace<string>('users')
    await cache.sync()
    await users.getOrSet('1', () => 'x')
    const load = users.getOrSet('2', () => new Promise<string>(() => undefined))
    await at.runtime.settle()
    await cache.close()
    await cache.close()
    expect(closes).toBe(1)
    const closed = { code: 'ERR_CLOSED' }
    await expect(load).rejects.toMatchObject(closed)
    await expect(users.get('1')).rejects.toMatchObject(closed)
    await expect(users.delete('1')).rejects.toMatchObject(closed)
    await expect(users.clear()).rejects.toMatchObject(closed)
    await expect(cache.sync()).rejects.toMatchObject(closed)
    expect(users.peek('1')).toBeUndefined()
    expect(at.runtime.sleeping).toBe(0)
  })
})
