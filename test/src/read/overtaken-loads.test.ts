/** What becomes of loads and reads that something overtakes. */
import { beforeEach, describe, expect, it } from 'vitest'
import { KedgeError } from '../../../src/index.ts'
import type { CacheOptions } from '../../../src/index.ts'
import type { MemoryOptions } from '../../../src/testing/index.ts'
import { deferred, readyIn, request, world } from '../world.ts'
import type { World } from '../world.ts'
import { replicate } from '../../../src/replicate/index.ts'
import { writeIntents } from '../../../src/write-paths/index.ts'

const TOPIC = 'cache-evictions'
let at: World
beforeEach(() => {
  at = world()
})

const ready = (options?: Partial<CacheOptions>, kafka?: MemoryOptions) => readyIn(at, options, kafka)
const utf8 = (text: string) => new TextEncoder().encode(text)
const record = (message: unknown) => ({ key: utf8('users'), value: utf8(JSON.stringify(message)) })

describe('a load that begins before the first contact with the log', () => {
  it('is not held, though the first contact comes while it runs', async () => {
    const there = await ready()
    const { cache } = at.isolate()
    const users = cache.namespace<string>('users')
    const row = deferred<string>()
    const load = users.getOrSet('1', () => row.promise)
    await at.runtime.settle()
    await at.run(there.users.delete('1'))
    await at.run(cache.sync())
    row.resolve('old')
    expect(await at.run(load)).toBe('old')
    await at.run(cache.sync())
    expect(users.peek('1')).toBeUndefined()
  })
})

describe('a load that an eviction of unknown fate may have met', () => {
  it('is not joined by later callers', async () => {
    const { users, kafka } = await ready()
    const row = deferred<string>()
    const load = users.getOrSet('1', () => row.promise)
    await at.runtime.settle()
    kafka.fail(new TypeError('no'), { on: 'produce' })
    await expect(users.delete('1')).rejects.toMatchObject({ code: 'ERR_PUBLISH' })
    expect(await at.run(users.getOrSet('1', () => 'new'))).toBe('new')
    row.resolve('old')
    await load
  })
})

describe('a load that was given up', () => {
  it('brings no value that is held, however soon it ends', async () => {
    const { users, cache } = await ready()
    const late = async () => {
      await at.runtime.sleep(1500)
      return 'late'
    }
    const call = users.getOrSet('1', late, { hardTimeout: 1000 })
    await expect(at.run(call)).rejects.toMatchObject({ code: 'ERR_LOADER_TIMEOUT' })
    await at.runtime.advance(1000)
    await at.run(cache.sync())
    expect(users.peek('1')).toBeUndefined()
  })
})

describe('an expired value', () => {
  it('that is evicted while its load runs is not served when that fails', async () => {
    const { users, cache } = await ready()
    const options = { ttl: 1000, staleIfError: '1m' } as const
    await users.getOrSet('1', () => 'old', options)
    await at.runtime.advance(1500)
    await at.run(cache.sync())
    const row = deferred<string>()
    const load = users.getOrSet('1', () => row.promise, options)
    await at.runtime.settle()
    await at.run(users.delete('1'))
    row.reject(new Error('down'))
    await expect(at.run(load)).rejects.toThrow('down')
  })
})

describe('a read with a token', () => {
  it('waits until the eviction is applied, not only read', async () => {
    const here = await ready()
    const there = await ready({ gzipAboveBytes: 0 })
    await at.run(here.users.getOrSet('1', () => 'old'))
    const token = await there.users.delete('1')
    const poll = here.cache.sync()
    const reads: Promise<string | undefined>[] = []
    for (let turn = 0; turn < 400; turn++) {
      if (here.users.peek('1') !== undefined) reads.push(here.users.get('1', { after: token }))
      if (turn % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
      else await Promise.resolve()
    }
    await at.run(poll)
    expect(reads.length).toBeGreaterThan(10)
    expect(new Set(await at.run(Promise.all(reads)))).toEqual(new Set([undefined]))
  })
})

describe('a poll', () => {
  it('sees evictions behind another writer’s open transaction', async () => {
    const { users, cache } = await ready()
    const there = await ready()
    await at.run(users.getOrSet('1', () => 'old'))
    const transaction = at.log.begin()
    transaction.append(TOPIC, record({ v: 1, op: 'beat' }))
    await there.users.delete('1')
    expect(await at.run(cache.sync())).toMatchObject({ proved: true, lag: 0 })
    expect(users.peek('1')).toBeUndefined()
    transaction.abort()
  })

  it('that never ends, because its request is gone, does not keep later reads from polling', async () => {
    at = world({ isolatesRequests: true })
    const { users, kafka, cache } = await ready()
    await at.run(users.getOrSet('1', () => 'x'))
    await at.runtime.advance(5000)
    const offsets = kafka.offsets.bind(kafka)
    kafka.offsets = () => new Promise(() => undefined)
    void cache.for(request()).sync()
    await at.runtime.advance(300)
    kafka.offsets = offsets
    const read = cache.for(request()).namespace<string>('users').getEntry('1')
    expect(await at.run(read, 1000)).toMatchObject({ state: 'fresh', value: 'x' })
  })

  it('loses no value that was set while it went on', async () => {
    const { users, kafka, cache } = await ready({ use: [replicate()] })
    await at.run(cache.sync())
    const there = await ready({ use: [replicate()] })
    const offsets = kafka.offsets.bind(kafka)
    kafka.offsets = async (topic, options) => {
      const answer = await offsets(topic, options)
      if (topic !== TOPIC) return answer
      kafka.offsets = offsets
      await there.users.set('1', 'Ada')
      return answer
    }
    await at.run(cache.sync())
    await at.run(cache.sync())
    expect(users.peek('1')).toBe('Ada')
  })
})

describe('an intent that is read late', () => {
  it('drops what is held, whatever its as-of', async () => {
    const { users, cache } = await ready({ use: [writeIntents()] })
    at.log.append(TOPIC, record({ v: 1, op: 'intent', ns: 'users', keys: ['1'], id: 'x', ttl: 5000 }))
    await at.run(users.set('1', 'mine'))
    await at.run(cache.sync())
    expect(users.peek('1')).toBeUndefined()
  })
})

describe('a write that fails', () => {
  it('rejects, also where trying again later may help', async () => {
    const { users, kafka } = await ready()
    kafka.fail(new KedgeError('ERR_NETWORK', 'reset', { retryable: true }), { on: 'produce' })
    await expect(at.run(users.delete('1'))).rejects.toMatchObject({ code: 'ERR_PUBLISH', retryable: true })
  })
})

describe('a load that is slower than its TTL', () => {
  const slowly =
    (value: string, ms = 300) =>
    async () => {
      await at.runtime.sleep(ms)
      return value
    }

  it('is held for `swr`: the next reader has it at once, flagged, while it is renewed', async () => {
    const { users } = await ready()
    const options = { ttl: 200, swr: '1m' } as const
    expect(await at.run(users.getOrSet('1', slowly('first'), options))).toBe('first')
    const before = at.runtime.monotonic()
    const next = await users.getEntry('1', slowly('second'), options)
    expect(next).toMatchObject({ value: 'first', staleBecause: 'swr', cached: true })
    expect(at.runtime.monotonic()).toBe(before)
    await at.runtime.advance(300)
    expect(await users.getEntry('1', slowly('third'), options)).toMatchObject({ value: 'second' })
  })

  it('is held for `staleIfError`: it is what there is when the source fails', async () => {
    const { users } = await ready()
    const options = { ttl: 200, staleIfError: '1m' } as const
    await at.run(users.getOrSet('1', slowly('first'), options))
    const failing = async (): Promise<string> => {
      throw new Error('the source is down')
    }
    expect(await at.run(users.getEntry('1', failing, options))).toMatchObject({
      value: 'first',
      staleBecause: 'error',
    })
  })

  it('is not held where no window was granted, nor past it', async () => {
    const { users } = await ready()
    await at.run(users.getOrSet('1', slowly('first'), { ttl: 200 }))
    await at.run(users.getOrSet('2', slowly('first', 600), { ttl: 200, swr: 300 }))
    expect([users.peek('1'), users.peek('2')]).toEqual([undefined, undefined])
    expect(await at.run(users.getOrSet('2', slowly('second', 10), { ttl: 200, swr: 300 }))).toBe('second')
  })

  it('is dropped by an eviction as any other', async () => {
    const { users, cache } = await ready()
    const options = { ttl: 200, swr: '1m' } as const
    await at.run(users.getOrSet('1', slowly('first'), options))
    await at.run(users.delete('1'))
    await at.run(cache.sync())
    expect(await at.run(users.getOrSet('1', slowly('second'), options))).toBe('second')
  })

  it('is none where it comes from another isolate: that one is served as fresh, or not at all', async () => {
    const { users, cache } = await ready({ use: [replicate()], swr: '1m' })
    const put = {
      v: 1,
      op: 'put',
      ns: 'users',
      key: '1',
      value: 'old',
      ttl: 1000,
      at: at.runtime.now() - 2000,
      asOf: 0,
    }
    at.log.append('cache-updates', { key: utf8('users/1'), value: utf8(JSON.stringify(put)) })
    await at.run(cache.sync())
    await at.run(cache.sync())
    expect(await at.run(users.getEntry('1', async () => 'new'))).toMatchObject({
      value: 'new',
      cached: false,
    })
  })
})

describe('a value that says itself how long it may be served', () => {
  const failing = async (): Promise<string> => {
    throw new Error('the source is down')
  }
  const own = {
    ttl: (value: string) => (value === 'short' ? 1000 : undefined),
    swr: (value: string) => (value === 'short' ? 2000 : undefined),
    staleIfError: (value: string) => (value === 'short' ? 4000 : undefined),
  }

  it('is served for that long, or for less where a read says so, never for more', async () => {
    const { users } = await ready({ ttl: '1m', maxStaleness: '1h' })
    await users.getOrSet('1', () => 'short', own)
    await at.runtime.advance(2500)
    expect(await users.getEntry('1', failing)).toMatchObject({ value: 'short', staleBecause: 'swr' })
    const strict = users.getEntry('1', failing, { swr: 0, staleIfError: 0 })
    await expect(at.run(strict)).rejects.toThrow('down')
    await at.runtime.advance(1000)
    expect(await at.run(users.getEntry('1', failing, { swr: '1h' }))).toMatchObject({
      value: 'short',
      staleBecause: 'error',
    })
    await at.runtime.advance(2000)
    await expect(at.run(users.getEntry('1', failing, { swr: '1h', staleIfError: '1h' }))).rejects.toThrow(
      'down',
    )
  })

  it('leaves to the namespace and the cache what its functions do not say', async () => {
    const { users, cache } = await ready({ ttl: 5000, swr: 5000, maxStaleness: '1h' })
    await users.getOrSet('1', () => 'other', own)
    await at.runtime.advance(4000)
    expect(users.peek('1')).toBe('other')
    await at.runtime.advance(4000)
    expect(await users.getEntry('1', () => 'new', own)).toMatchObject({ value: 'other', staleBecause: 'swr' })
    const layered = cache.namespace<string>('layered', { ttl: own.ttl })
    await layered.getOrSet('1', () => 'short')
    await layered.getOrSet('2', () => 'other')
    await at.runtime.advance(2000)
    expect([layered.peek('1'), layered.peek('2')]).toEqual([undefined, 'other'])
  })

  it('rejects with a TypeError that names the option where a function returns no duration', async () => {
    const { users } = await ready()
    for (const name of ['ttl', 'swr', 'staleIfError'] as const)
      for (const said of ['soon', { atMost: '1s' }])
        await expect(at.run(users.getOrSet('1', () => 'a', { [name]: () => said as never }))).rejects.toThrow(
          `\`${name}\``,
        )
  })

  it('is set with the TTL of the cache where the function of `set` leaves it', async () => {
    const { users } = await ready({ ttl: 5000, maxStaleness: '1h' })
    await at.run(users.set('1', 'other', { ttl: own.ttl }))
    await at.runtime.advance(4000)
    expect(users.peek('1')).toBe('other')
    await at.runtime.advance(2000)
    expect(users.peek('1')).toBeUndefined()
  })
})
