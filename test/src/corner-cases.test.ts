/** Corners that users have run into. Each of these went wrong once. */
import { beforeEach, describe, expect, it } from 'vitest'
import { KedgeError } from '../../src/index.ts'
import type { CacheOptions } from '../../src/index.ts'
import type { MemoryOptions } from '../../src/testing/index.ts'
import { deferred, request, readyIn, world } from './world.ts'
import type { World } from './world.ts'
import { prewarm, replicate } from '../../src/replicate/index.ts'

let at: World
beforeEach(() => {
  at = world()
})

const ready = (options?: Partial<CacheOptions>, kafka?: MemoryOptions) => readyIn(at, options, kafka)

const utf8 = (text: string) => new TextEncoder().encode(text)
const write = (topic: string, message: unknown, key: string | null = null) =>
  at.log.append(topic, { key: key === null ? null : utf8(key), value: utf8(JSON.stringify(message)) })
const beats = (count: number) => {
  for (let n = 0; n < count; n++) write('cache-evictions', { v: 1, op: 'beat' })
}
const put = (key: string, more: object = {}) =>
  write(
    'cache-updates',
    { v: 1, op: 'put', ns: 'users', key, value: 'x', ttl: 60_000, at: at.runtime.now(), asOf: 0, ...more },
    `users/${key}`,
  )

describe('a load beside a poll', () => {
  it('of a source that may lag is judged by evictions that are not applied yet', async () => {
    const here = await ready({ settle: '2s' })
    const there = await ready()
    await at.runtime.advance(5000)
    await there.users.delete('1')
    const read = here.kafka.read.bind(here.kafka)
    here.kafka.read = async (...call) => {
      await at.runtime.sleep(100)
      return read(...call)
    }
    const poll = here.cache.sync()
    await at.runtime.advance(10)
    await here.users.getOrSet('1', () => 'of a replica that lags')
    await at.run(poll)
    expect(here.users.peek('1')).toBeUndefined()
  })

  it('that ends while another read begins is not served to it without proof', async () => {
    const here = await ready()
    const there = await ready()
    const row = deferred<string>()
    const lead = here.users.getOrSet('1', () => row.promise)
    await at.runtime.settle()
    const token = await there.users.delete('1')
    row.resolve('old')
    for (let turn = 0; turn < 12; turn++) {
      await Promise.resolve()
      expect(await at.run(here.users.getEntry('1', () => 'new', { after: token }))).toMatchObject({
        value: 'new',
      })
    }
    await lead
  })
})

describe('a log that was replaced', () => {
  it('while an eviction of our own was acknowledged leaves no mark of the old one', async () => {
    const { users, cache, kafka } = await ready()
    beats(1000)
    await at.run(cache.sync())
    const produce = kafka.produce.bind(kafka)
    kafka.produce = async (...call) => {
      const positions = await produce(...call)
      await at.runtime.sleep(300)
      return positions
    }
    const clear = users.clear()
    await at.runtime.advance(100)
    at.log.recreateTopic('cache-evictions')
    await at.run(cache.sync())
    await at.run(clear)
    await at.run(users.getOrSet('1', () => 'x'))
    expect(users.peek('1')).toBe('x')
  })

  it('is noticed by an own acknowledgement from below the position', async () => {
    const { users, cache } = await ready()
    beats(10)
    await at.run(cache.sync())
    await users.getOrSet('1', () => 'old')
    at.log.recreateTopic('cache-evictions')
    const token = await users.delete('1')
    expect(users.peek('1')).toBeUndefined()
    expect(await at.run(users.get('1', { after: token }))).toBeUndefined()
    await at.run(cache.sync())
    at.log.recreateTopic('cache-evictions')
    beats(10)
    await at.run(cache.sync())
    at.log.recreateTopic('cache-evictions')
    await expect(users.set('1', 'x')).rejects.toMatchObject({ code: 'ERR_PUBLISH', retryable: true })
    expect(
      await at.run(users.set('1', 'x').catch(async () => (await cache.sync(), users.set('1', 'x')))),
    ).toMatch(/^k1/)
  })

  it('and has no identity is recognised by the record before the anchor', async () => {
    beats(3)
    const here = await ready({}, { capabilities: { identity: false } })
    await here.users.getOrSet('1', () => 'old')
    at.log.recreateTopic('cache-evictions')
    write('cache-evictions', { v: 1, op: 'evict', ns: 'users', keys: ['1'] }, 'users')
    await at.runtime.advance(10)
    beats(4)
    await at.run(here.cache.sync())
    expect(here.users.peek('1')).toBeUndefined()
    expect(here.of('reanchor').at(-1)).toMatchObject({ reason: 'replaced' })
  })

  it('or whose end is below what was acknowledged proves nothing by that end', async () => {
    const here = await ready()
    const there = await ready()
    await here.users.getOrSet('1', () => 'old')
    const offsets = here.kafka.offsets.bind(here.kafka)
    here.kafka.offsets = async (...call) => (await offsets(...call)).map((bounds) => ({ ...bounds, end: 0 }))
    await there.users.delete('1')
    await here.users.delete('2')
    await at.runtime.advance(1500)
    await at.run(here.cache.sync())
    expect(here.cache.freshness().ageMs).toBeGreaterThanOrEqual(1500)
  })
})

describe('an expired value', () => {
  it('goes when its load finds that there is none any more', async () => {
    const { users, cache } = await ready()
    const options = { ttl: 1000, swr: '1h' } as const
    await users.getOrSet('1', () => 'old', options)
    await at.runtime.advance(2000)
    await cache.sync()
    await users.getOrSet('1', () => undefined as unknown as string, options)
    await at.runtime.settle()
    expect(await users.getOrSet('1', () => undefined as unknown as string, options)).toBeUndefined()
  })

  it('goes when the new one is not to be kept', async () => {
    const { users, cache } = await ready()
    await users.getOrSet('1', () => 'old', { ttl: 1000, swr: '1h' })
    await at.runtime.advance(2000)
    await cache.sync()
    const options = { ttl: 0 } as const
    await users.getOrSet('1', () => 'new', options)
    await at.runtime.settle()
    expect(await users.getOrSet('1', () => 'newer', options)).toBe('newer')
  })

  it('does not keep its successor out, however often it was read meanwhile', async () => {
    const { users, cache } = await ready()
    const options = { ttl: 1000, swr: '1h' } as const
    await users.getOrSet('1', () => 'old', options)
    await at.runtime.advance(2000)
    await cache.sync()
    const row = deferred<string>()
    await users.getOrSet('1', () => row.promise, options)
    await users.invalidateTags('unrelated')
    await at.run(cache.sync())
    await users.get('1')
    row.resolve('new')
    await at.runtime.settle()
    expect(users.peek('1')).toBe('new')
  })

  it('gives way to a value that was set while its load failed', async () => {
    const { users } = await ready()
    const row = deferred<string>()
    const load = users.getOrSet('1', () => row.promise)
    await at.runtime.settle()
    await users.set('1', 'set')
    row.reject(new Error('down'))
    expect(await load).toBe('set')
  })
})

describe('batches', () => {
  it('time out together, not one after the other', async () => {
    const { users, cache } = await ready()
    const keys = Array.from({ length: 10 }, (_, n) => `${n}`)
    const options = { ttl: 1000, staleIfError: '1h', timeout: 100 } as const
    await users.getOrSetMany(
      keys,
      (missing) => Object.fromEntries(missing.map((key) => [key, 'old'])),
      options,
    )
    await at.runtime.advance(2000)
    await cache.sync()
    const since = at.runtime.monotonic()
    const found = await at.run(users.getOrSetMany(keys, () => new Promise(() => undefined), options))
    expect(found.size).toBe(10)
    expect(at.runtime.monotonic() - since).toBeLessThanOrEqual(110)
  })

  it('refresh what is within swr in one call', async () => {
    const { users, cache } = await ready()
    const keys = ['1', '2', '3']
    const options = { ttl: 1000, swr: '1h' } as const
    const calls: (readonly string[])[] = []
    const load = (missing: readonly string[]) => {
      calls.push(missing)
      return Object.fromEntries(missing.map((key) => [key, `${calls.length}`]))
    }
    await users.getOrSetMany(keys, load, options)
    await at.runtime.advance(2000)
    await cache.sync()
    await users.getOrSetMany(keys, load, options)
    await at.runtime.settle()
    expect(calls).toEqual([keys, keys])
  })

  it('whose leader is gone are taken over in one call', async () => {
    at = world({ isolatesRequests: true })
    let gone = true
    const sleep = at.runtime.sleep.bind(at.runtime)
    const { users } = await ready({
      runtime: { ...at.runtime, sleep: (...call) => (gone ? new Promise(() => undefined) : sleep(...call)) },
    })
    const keys = ['1', '2', '3', '4', '5']
    void users.getOrSetMany(keys, () => new Promise(() => undefined)).catch(() => undefined)
    await at.runtime.settle()
    gone = false
    const calls: (readonly string[])[] = []
    const found = await at.run(
      users.getOrSetMany(keys, async (missing) => {
        calls.push(missing)
        return Object.fromEntries(missing.map((key) => [key, 'x']))
      }),
    )
    expect(found.size).toBe(5)
    expect(calls).toHaveLength(1)
  })
})

describe('waiting', () => {
  it('lasts no longer than hardTimeout, whatever was waited for before', async () => {
    const { users, cache } = await ready()
    await users.getOrSet('1', () => 'old', { ttl: 1000, staleIfError: '1h' })
    await at.runtime.advance(2000)
    await cache.sync()
    void users.getOrSet('1', () => new Promise<string>(() => undefined)).catch(() => undefined)
    await at.runtime.settle()
    const since = at.runtime.monotonic()
    const call = users.getOrSet('1', () => 'x', { staleIfError: '1h', timeout: 900, hardTimeout: 1000 })
    await at.runtime.advance(500)
    await users.delete('1')
    await expect(at.run(call)).rejects.toMatchObject({ code: 'ERR_LOADER_TIMEOUT' })
    expect(at.runtime.monotonic() - since).toBeLessThan(1100)
  })

  it('maxStaleness 0 costs one poll a read', async () => {
    const { users, kafka } = await ready({ maxStaleness: 0 })
    await at.run(users.getOrSet('1', () => 'x'))
    const before = kafka.calls.offsets
    await at.run(users.get('1'))
    expect(kafka.calls.offsets).toBe(before + 1)
  })

  it('a load that hung is an event too', async () => {
    const { users, of } = await ready()
    const call = users.getOrSet('1', () => new Promise<string>(() => undefined), { hardTimeout: 100 })
    await expect(at.run(call)).rejects.toThrow(KedgeError)
    expect(of('load')).toMatchObject([
      { keys: ['1'], durationMs: 100, error: { code: 'ERR_LOADER_TIMEOUT' } },
    ])
  })
})

describe('setting', () => {
  it('in an isolate before its first contact with the log is held', async () => {
    const { cache } = at.isolate()
    const users = cache.namespace<string>('users')
    await at.run(users.set('1', 'x'))
    expect(users.peek('1')).toBe('x')
  })

  it('what cannot be written evicts nothing', async () => {
    const { users, kafka } = await ready({ use: [replicate()], maxMessageBytes: 1000 })
    await users.set('1', 'old')
    const before = kafka.calls.produce
    await expect(users.set('1', 'x'.repeat(2000))).rejects.toMatchObject({ code: 'ERR_TOO_LARGE' })
    expect(kafka.calls.produce).toBe(before)
    expect(users.peek('1')).toBe('old')
  })

  it('after deleting is not undone by the deletion, however late that is written', async () => {
    const here = await ready({ use: [replicate()] })
    const there = await ready({ use: [replicate()] })
    const produce = here.kafka.produce.bind(here.kafka)
    let late = true
    here.kafka.produce = async (topic, ...call) => {
      if (topic === 'cache-updates' && late) {
        late = false
        await at.runtime.sleep(100)
      }
      return produce(topic, ...call)
    }
    await at.run(here.users.delete('1'))
    await at.run(here.users.set('1', 'session'))
    await at.runtime.advance(200)
    for (const { cache, users } of [here, there]) {
      await at.run(cache.sync())
      expect(users.peek('1')).toBe('session')
    }
  })

  it('a version that is known to be old is not shared either', async () => {
    const { users } = await ready({ use: [replicate()] })
    await users.set('1', 'v9', { version: 9 })
    const before = at.log.offsets('cache-updates', 0).end
    await expect(users.set('1', 'v1', { version: 1 })).rejects.toMatchObject({ code: 'ERR_SUPERSEDED' })
    expect(at.log.offsets('cache-updates', 0).end).toBe(before)
  })

  it('is an error when the acknowledgement names another partition, or no offset', async () => {
    const { users, kafka } = await ready()
    for (const position of [{ partition: 1, offset: 5 }, { partition: 0, offset: -1 }, undefined]) {
      kafka.produce = async () => (position ? [position] : [])
      await expect(users.delete('1')).rejects.toMatchObject({
        code: 'ERR_PUBLISH',
        cause: { code: 'ERR_PROTOCOL' },
      })
    }
  })
})

describe('the updates topic', () => {
  it('loses no drop when the proof fails', async () => {
    const { users, cache, kafka } = await ready({ use: [replicate()] })
    await users.getOrSet('1', () => 'old')
    await at.run(cache.sync())
    write('cache-updates', { key: '1', ns: 'users', value: 'new' }, '1')
    const offsets = kafka.offsets.bind(kafka)
    let fails = true
    kafka.offsets = async (topic, ...call) => {
      if (topic === 'cache-evictions' && fails) {
        fails = false
        throw new Error('503')
      }
      return offsets(topic, ...call)
    }
    await at.run(cache.sync())
    await at.runtime.advance(1000)
    await at.run(cache.sync())
    expect(users.peek('1')).toBeUndefined()
  })

  it('passed over because it is too far ahead drops everything', async () => {
    const { users, cache } = await ready({ use: [replicate()], maxCatchUpRecords: 10 })
    await users.getOrSet('1', () => 'old')
    await at.run(cache.sync())
    for (let n = 0; n < 20; n++) write('cache-updates', { key: `${n}`, ns: 'users', value: 'new' })
    await at.run(cache.sync())
    expect(cache.stats().entries).toBe(0)
  })

  it('that hangs keeps no eviction from being proved', async () => {
    const { users, cache, kafka } = await ready({ use: [replicate()] })
    await users.getOrSet('1', () => 'x')
    const offsets = kafka.offsets.bind(kafka)
    kafka.offsets = (topic, ...call) =>
      topic === 'cache-updates' ? new Promise(() => undefined) : offsets(topic, ...call)
    await at.runtime.advance(5000)
    cache.for(request())
    await at.runtime.advance(1000)
    expect(cache.freshness().proved).toBe(true)
  })

  it("survives a value over which a namespace's own functions stumble", async () => {
    const { cache, of } = at.isolate({ use: [replicate()] })
    const users = cache.namespace<{ teams: string[] }>('users', { tags: (user) => user.teams.map(String) })
    await at.run(cache.sync())
    put('bad', { value: { no: 1 } })
    put('good', { value: { teams: [] } })
    await at.run(cache.sync())
    expect(users.peek('good')).toEqual({ teams: [] })
    expect(of('unreadable')).toHaveLength(1)
    expect(of('poll_failed')).toEqual([])
  })

  it('is not followed where the log cannot read committed records, unless `updatesIsolation` allows it', async () => {
    const kafka = { capabilities: { readCommitted: false } }
    expect(() => at.isolate({ use: [replicate()] }, kafka)).toThrow('`updatesIsolation: ')
    const { cache } = at.isolate({}, kafka)
    await expect(prewarm(cache)).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
    const { users, cache: open } = await ready({ use: [replicate()], updatesIsolation: 'uncommitted' }, kafka)
    put('1')
    await at.run(open.sync())
    expect(users.peek('1')).toBe('x')
  })

  it('is prewarmed from its end when bytes run out', async () => {
    const here = await ready({ use: [replicate()] })
    for (let n = 0; n < 200; n++) await here.users.getOrSet(`${n}`, () => 'y'.repeat(1000))
    await at.runtime.settle()
    const late = await ready()
    expect(await at.run(prewarm(late.cache, { maxBytes: 100_000 }))).toMatchObject({ complete: false })
    expect(late.users.peek('199')).toBeDefined()
    expect(late.users.peek('0')).toBeUndefined()
  })

  it('does not judge by evictions that a namespace has missed because it came later', async () => {
    const there = await ready({ use: [replicate()] })
    await there.users.getOrSet('1', () => 'old')
    await at.runtime.settle()
    await there.users.delete('2')
    write('cache-evictions', { v: 1, op: 'evict', ns: 'users', keys: ['1'] }, 'users')
    for (let n = 0; n < 200; n++)
      write('cache-evictions', { v: 1, op: 'evict', ns: 'other', keys: [`x${n}`] }, 'other')
    const { cache } = at.isolate({ maxPollBytes: 500 }, { latency: 5 })
    cache.namespace('early')
    const warming = prewarm(cache, { budget: '20s' })
    await at.runtime.advance(40)
    const users = cache.namespace<string>('users')
    await at.run(warming)
    await at.run(cache.sync())
    expect(users.peek('1')).toBeUndefined()
  })
})

describe('one partition', () => {
  it('that cannot be read leaves the others proved', async () => {
    at.log.createTopic('cache-evictions', { partitions: 2 })
    const { cache, kafka } = at.isolate({ evictionPartitions: 2, onUnreachable: 'throw' })
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    const spaces = names.map((name) => cache.namespace<string>(name))
    await at.run(cache.sync())
    for (const space of spaces) await space.getOrSet('1', () => 'x')
    at.log.append('cache-evictions', { key: null, value: utf8('{"v":1,"op":"beat"}'), partition: 0 })
    const read = kafka.read.bind(kafka)
    kafka.read = async (topic, positions, options) =>
      read(
        topic,
        positions.filter(({ partition }) => partition !== 0),
        options,
      )
    await at.runtime.advance(5000)
    const settled = await at.run(Promise.allSettled(spaces.map((space) => space.get('1'))))
    const served = settled.filter(({ status }) => status === 'fulfilled')
    expect(served.length).toBeGreaterThan(0)
    expect(served.length).toBeLessThan(names.length)
  })
})

describe('the platform', () => {
  it('may refuse waitUntil: reads go on', async () => {
    const { cache, of } = await ready()
    await at.runtime.advance(5000)
    const broken = {
      waitUntil: () => {
        throw new Error('the response was sent')
      },
    }
    expect(
      await cache
        .for(broken)
        .namespace<string>('users')
        .getOrSet('1', () => 'x'),
    ).toBe('x')
    expect(of('background_error').length).toBeGreaterThan(0)
  })

  it('swallows the rejection of a listener', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown) => void unhandled.push(reason)
    process.on('unhandledRejection', note)
    const { users } = await ready({ onEvent: () => Promise.reject(new Error('mine')) as unknown as void })
    await users.getOrSet('1', () => 'x')
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  })

  it('on Workers lets a poll that failed late say nothing against one that began after it', async () => {
    at = world({ isolatesRequests: true })
    const { cache, kafka } = await ready()
    const offsets = kafka.offsets.bind(kafka)
    let call = 0
    kafka.offsets = async (...args) => {
      if (call++ > 0) return offsets(...args)
      await at.runtime.sleep(600)
      throw new Error('late')
    }
    await at.runtime.advance(1500)
    cache.for(request())
    await at.runtime.advance(300)
    await at.run(cache.for(request()).sync())
    await at.runtime.advance(500)
    expect(cache.freshness().error).toBeUndefined()
  })
})

describe('beats', () => {
  it('evict nothing, and cause no event', async () => {
    const { cache, of } = await ready()
    beats(3)
    await at.run(cache.sync())
    expect(of('evict')).toEqual([])
    expect(cache.freshness().lag).toBe(0)
  })
})
