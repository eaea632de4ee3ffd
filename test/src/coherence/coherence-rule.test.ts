/** The as-of rule, as a user would run into it. */
import { beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { CacheOptions } from '../../../src/index.ts'
import type { MemoryOptions } from '../../../src/testing/index.ts'
import { deferred, readyIn, world } from '../world.ts'
import type { World } from '../world.ts'
import { prewarm, replicate } from '../../../src/replicate/index.ts'

let at: World
beforeEach(() => {
  at = world()
})

const ready = (options?: Partial<CacheOptions>, kafka?: MemoryOptions) => readyIn(at, options, kafka)

const utf8 = (text: string) => new TextEncoder().encode(text)
const write = (topic: string, value: unknown, key: string | null = null) =>
  at.log.append(topic, {
    key: key === null ? null : utf8(key),
    value: value === null ? null : utf8(typeof value === 'string' ? value : JSON.stringify(value)),
  })
const evictions = (value: unknown, key: string | null = null) => write('cache-evictions', value, key)

describe('a load that an eviction meets', () => {
  it('is returned to its caller and not kept, when the eviction is of this isolate', async () => {
    const { users, of, cache } = await ready()
    const row = deferred<string>()
    const load = users.getEntry('1', () => row.promise)
    await at.runtime.settle()
    await users.delete('1')
    row.resolve('old')
    expect(await load).toMatchObject({ value: 'old', stored: false })
    expect(users.peek('1')).toBeUndefined()
    expect(of('refuse')).toMatchObject([{ key: '1', reason: 'fenced' }])
    expect(cache.stats().fenced).toBe(1)
  })

  it('is not kept either when the eviction comes from elsewhere, by key, tag, prefix or namespace', async () => {
    const there = await ready()
    const evicts = [
      () => there.users.delete('a/1'),
      () => there.users.invalidateTags(['t']),
      () => there.users.invalidatePrefix('a/'),
      () => there.users.clear(),
      () => there.cache.clear(),
    ]
    for (const evict of evicts) {
      const here = await ready()
      const row = deferred<string>()
      const load = here.users.getOrSet('a/1', () => row.promise, { tags: ['t'] })
      await at.runtime.settle()
      await evict()
      await at.run(here.cache.sync())
      row.resolve('old')
      expect(await load).toBe('old')
      expect(here.users.peek('a/1')).toBeUndefined()
    }
  })

  it('is dropped later, when the eviction is read only after the load has been kept', async () => {
    const here = await ready()
    const there = await ready()
    const row = deferred<string>()
    const load = here.users.getOrSet('1', () => row.promise)
    await at.runtime.settle()
    await there.users.delete('1')
    row.resolve('old')
    await load
    await at.run(here.cache.sync())
    expect(here.users.peek('1')).toBeUndefined()
  })

  it('is kept when the eviction was acknowledged before it began, though it is read only later', async () => {
    const here = await ready()
    const there = await ready()
    // Here it is known that the log reaches further than it has been read: by an acknowledgement of our own.
    await there.users.delete('1')
    await here.users.delete('other')
    await here.users.getOrSet('1', () => 'new')
    await at.run(here.cache.sync())
    expect(here.users.peek('1')).toBe('new')
  })

  it('cannot be joined by a caller that arrives after the eviction', async () => {
    const { users } = await ready()
    const rows = [deferred<string>(), deferred<string>()]
    let loads = 0
    const load = () => rows[loads++]!.promise
    const before = users.getOrSet('1', load)
    await at.runtime.settle()
    await users.delete('1')
    const after = users.getOrSet('1', load)
    await at.runtime.settle()
    rows[0]!.resolve('old')
    rows[1]!.resolve('new')
    expect(await before).toBe('old')
    expect(await after).toBe('new')
    expect(users.peek('1')).toBe('new')
  })

  it('cannot be joined by a reader whose token is later than its start', async () => {
    const here = await ready()
    const there = await ready()
    const rows = [deferred<string>(), deferred<string>()]
    let loads = 0
    const load = () => rows[loads++]!.promise
    const before = here.users.getOrSet('1', load)
    await at.runtime.settle()
    const token = await there.users.delete('1')
    const after = here.users.getOrSet('1', load, { after: token })
    await at.runtime.settle()
    rows[0]!.resolve('old')
    rows[1]!.resolve('new')
    expect(await before).toBe('old')
    expect(await at.run(after)).toBe('new')
  })

  it('is not kept when the eviction of its key failed to be published', async () => {
    const { users, kafka } = await ready()
    const row = deferred<string>()
    const load = users.getOrSet('1', () => row.promise)
    await at.runtime.settle()
    kafka.fail(new TypeError('no'), { on: 'produce' })
    await expect(users.delete('1')).rejects.toMatchObject({ code: 'ERR_PUBLISH' })
    row.resolve('old')
    await load
    expect(users.peek('1')).toBeUndefined()
  })

  it('of a just-evicted key stays uncached for as long as the source needs to settle', async () => {
    const { users, of, cache } = await ready({ settle: '2s' })
    await users.delete('1')
    await at.runtime.advance(1999)
    await cache.sync()
    await users.getOrSet('1', () => 'of a replica that lags')
    expect(users.peek('1')).toBeUndefined()
    expect(of('refuse')).toMatchObject([{ reason: 'settling' }])
    await at.runtime.advance(4)
    await users.getOrSet('1', () => 'settled')
    expect(users.peek('1')).toBe('settled')
  })

  it('stays uncached as long where the wall clock steps forward: the source has settled by no clock of ours', async () => {
    const { users, cache } = await ready({ settle: '2s' })
    await users.delete('1')
    await cache.sync()
    at.runtime.stepWall(60_000)
    await at.run(cache.sync())
    await users.getOrSet('1', () => 'of a replica that lags')
    expect(users.peek('1')).toBeUndefined()
  })
})

describe('two writers', () => {
  it('of two concurrent sets the later one in the log stays, everywhere', async () => {
    const here = await ready({ use: [replicate()] })
    const there = await ready({ use: [replicate()] })
    await Promise.all([here.users.set('1', 'a'), there.users.set('1', 'b')])
    for (let n = 0; n < 2; n++) {
      await at.run(here.cache.sync())
      await at.run(there.cache.sync())
    }
    expect([here.users.peek('1'), there.users.peek('1')]).toEqual(['b', 'b'])
  })

  it('own evictions ahead of the position hide no eviction of others before them', async () => {
    const here = await ready()
    const there = await ready()
    await here.users.getOrSet('1', () => 'old', { tags: ['t'] })
    await there.users.delete('1')
    // Ours comes after it in the log, touches another tag, and the value survives it …
    await here.users.invalidateTags(['other'])
    expect(here.users.peek('1')).toBe('old')
    // … but not the one before.
    await at.run(here.cache.sync())
    expect(here.users.peek('1')).toBeUndefined()
  })
})

describe('what other services write to the evictions topic', () => {
  it('a simple message evicts its key', async () => {
    const { users, cache } = await ready()
    for (const key of ['1', '2', '3', '4', '5']) await users.getOrSet(key, () => 'x')
    evictions({ key: '1' })
    evictions({ key: 2 })
    evictions({ key: '3', ns: 'users', why: 'because' })
    evictions({ key: '4', namespace: 'other' })
    await at.run(cache.sync())
    expect([...(await users.getMany(['1', '2', '3', '4', '5'])).keys()]).toEqual(['4', '5'])
  })

  it('what cannot be read evicts everything, or the namespace that a later release names, and is counted', async () => {
    const { users, cache, of } = await ready()
    const other = cache.namespace<string>('other')
    const fill = async () => {
      await users.getOrSetMany(['1', '2'], () => ({ '1': 'x', '2': 'x' }))
      await other.getOrSet('9', () => 'x')
    }
    await fill()
    evictions('{"v":7,"op":"evict","ns":"users","what":"of a later release"}')
    await at.run(cache.sync())
    expect((await users.getMany(['1', '2'])).size).toBe(0)
    expect(other.peek('9')).toBe('x')
    for (const [value, key] of [['\u0000 not json', '1'], ['garbage', 'users'], ['garbage']] as const) {
      // Everything is dropped once a second at most.
      await at.runtime.advance(1000)
      await fill()
      evictions(value, key)
      await at.run(cache.sync())
      expect(cache.stats().entries).toBe(0)
    }
    expect(cache.stats()).toMatchObject({ entries: 0, refused: 4 })
    expect(of('unreadable')).toHaveLength(4)
  })

  it('a null value evicts its record key and is nothing strange', async () => {
    const { users, cache } = await ready()
    await users.getOrSet('1', () => 'x')
    evictions(null, '1')
    await at.run(cache.sync())
    expect(users.peek('1')).toBeUndefined()
    expect(cache.stats().refused).toBe(0)
  })
})

describe('values from the updates topic', () => {
  const replicas = async () =>
    [await ready({ use: [replicate()] }), await ready({ use: [replicate()] })] as const

  it('what one isolate loads or sets, the others hold', async () => {
    const [here, there] = await replicas()
    await here.users.getOrSet('1', () => 'loaded', { tags: ['t'] })
    await here.users.set('2', 'set')
    await at.runtime.settle()
    await at.run(there.cache.sync())
    expect(await there.users.getMany(['1', '2'])).toEqual(
      new Map([
        ['1', 'loaded'],
        ['2', 'set'],
      ]),
    )
    await here.users.invalidateTags('t')
    await at.run(there.cache.sync())
    expect(there.users.peek('1')).toBeUndefined()
    expect(there.cache.stats()).toMatchObject({ updatesApplied: 2, loads: 0 })
  })

  it('a value that precedes an eviction is never held, in whatever order they arrive', async () => {
    const [here, there] = await replicas()
    const row = deferred<string>()
    const load = here.users.getOrSet('1', () => row.promise)
    await at.runtime.settle()
    await there.users.delete('1')
    row.resolve('old')
    await load
    await at.runtime.settle()
    await at.run(there.cache.sync())
    await at.run(there.cache.sync())
    expect(there.users.peek('1')).toBeUndefined()
  })

  it('in mode invalidate nothing is read from the updates topic, and nothing published', async () => {
    const here = await ready()
    await here.users.getOrSet('1', () => 'x')
    await here.users.set('2', 'x')
    await at.run(here.cache.sync())
    expect(at.log.describe('cache-updates')).toBeUndefined()
  })

  it('a TTL counts from the load, by the older of two clocks, and a writer from the future is refused', async () => {
    const { cache, users, of } = await ready({ use: [replicate()] })
    const put = (key: string, ageMs: number, ttl: number) =>
      write(
        'cache-updates',
        { v: 1, op: 'put', ns: 'users', key, value: 'x', ttl, at: at.runtime.now() - ageMs, asOf: 0 },
        `users/${key}`,
      )
    await at.run(cache.sync())
    put('old', 5000, 4000)
    put('alive', 5000, 8000)
    put('future', -60_000, 8000)
    await at.run(cache.sync())
    expect([...(await users.getMany(['old', 'alive', 'future'])).keys()]).toEqual(['alive'])
    expect(of('refuse').map(({ key, reason }) => [key, reason])).toEqual([
      ['old', 'expired'],
      ['future', 'expired'],
    ])
    await at.runtime.advance(3000)
    await at.run(cache.sync())
    expect(users.peek('alive')).toBeUndefined()
  })

  it('a value of another log, or of a position that the log has not reached, is refused', async () => {
    const { cache, users } = await ready({ use: [replicate()] })
    await at.run(cache.sync())
    const put = (key: string, more: object) =>
      write('cache-updates', {
        v: 1,
        op: 'put',
        ns: 'users',
        key,
        value: 'x',
        ttl: 1e6,
        at: at.runtime.now(),
        asOf: 0,
        ...more,
      })
    put('1', { log: 'another' })
    put('2', { asOf: 77 })
    put('3', {})
    await at.run(cache.sync())
    expect([...(await users.getMany(['1', '2', '3'])).keys()]).toEqual(['3'])
    expect(cache.stats().refused).toBe(2)
  })

  it('a value that the schema refuses is not held', async () => {
    const { cache, of } = at.isolate({ use: [replicate()] })
    const numbers = cache.namespace('numbers', { schema: z.number() })
    await at.run(cache.sync())
    for (const value of ['NaN', 7]) {
      write('cache-updates', {
        v: 1,
        op: 'put',
        ns: 'numbers',
        key: `${value}`,
        value,
        ttl: 1e6,
        at: at.runtime.now(),
        asOf: 0,
      })
    }
    await at.run(cache.sync())
    expect(await numbers.getMany(['NaN', '7'])).toEqual(new Map([['7', 7]]))
    expect(of('refuse')).toMatchObject([{ key: 'NaN', reason: 'schema' }])
  })

  it('simple values are held only where the namespace says so; elsewhere they drop their key', async () => {
    const { cache } = at.isolate({ use: [replicate({ acceptSimpleValues: ['open'] })] })
    const open = cache.namespace<string>('open')
    const strict = cache.namespace<string>('strict')
    await at.run(cache.sync())
    await strict.getOrSet('1', () => 'loaded')
    await at.run(cache.sync())
    write('cache-updates', { key: '1', value: 'simple', ttl: '1m', ns: 'open' })
    write('cache-updates', { key: '1', value: 'simple', ttl: 60_000 }, 'strict/1')
    await at.run(cache.sync())
    expect(open.peek('1')).toBe('simple')
    expect(strict.peek('1')).toBeUndefined()
  })

  it('an update that cannot be read drops its key and no other', async () => {
    const { cache, users } = await ready({ use: [replicate()] })
    await users.getOrSetMany(['1', '2'], () => ({ '1': 'x', '2': 'x' }))
    await at.runtime.settle()
    await at.run(cache.sync())
    write('cache-updates', 'garbage', 'users/1')
    write('cache-updates', 'garbage', 'nonsense')
    write('cache-updates', { nobody: true })
    await at.run(cache.sync())
    expect([...(await users.getMany(['1', '2'])).keys()]).toEqual(['2'])
    expect(cache.stats().refused).toBe(3)
  })

  it('a value of an aborted transaction is never held', async () => {
    const { cache, users } = await ready({ use: [replicate()] })
    await at.run(cache.sync())
    const transaction = at.log.begin()
    const message = {
      v: 1,
      op: 'put',
      ns: 'users',
      key: '1',
      value: 'x',
      ttl: 1e6,
      at: at.runtime.now(),
      asOf: 0,
    }
    transaction.append('cache-updates', { key: null, value: utf8(JSON.stringify(message)) })
    await at.run(cache.sync())
    transaction.abort()
    await at.run(cache.sync())
    expect(users.peek('1')).toBeUndefined()
  })

  it('a transaction that is open among the updates keeps no poll from proving in time', async () => {
    const { cache, kafka } = await ready({ use: [replicate()] }, { latency: 20 })
    await at.run(cache.sync())
    // Kafka waits as long as it is asked to where all that there is belongs to the transaction.
    const read = kafka.read.bind(kafka)
    kafka.read = async (topic, positions, options) => {
      const found = await read(topic, positions, { ...options, waitMs: 0 })
      if (found.records.length === 0) await at.runtime.sleep(options.waitMs, options.signal)
      return found
    }
    const transaction = at.log.begin()
    transaction.append('cache-updates', { key: null, value: utf8('{}') })
    expect((await at.run(cache.sync())).ageMs).toBeLessThan(500)
    transaction.abort()
  })

  it('an updates topic that fails costs values, not freshness', async () => {
    const { cache, kafka } = await ready({ use: [replicate()] })
    const offsets = kafka.offsets.bind(kafka)
    kafka.offsets = (topic, options) =>
      topic === 'cache-updates' ? Promise.reject(new Error('down')) : offsets(topic, options)
    await at.runtime.advance(5000)
    await at.run(cache.sync())
    expect(cache.freshness().proved).toBe(true)
  })
})

describe('prewarming', () => {
  it('takes over what others hold, and nothing that was evicted since', async () => {
    const here = await ready({ use: [replicate()] })
    await here.users.getOrSetMany(['1', '2', '3', '4'], () => ({ '1': 'a', '2': 'b', '3': 'c', '4': 'd' }), {
      tags: (value) => [`is:${value}`],
    })
    await at.runtime.settle()
    await here.users.delete('2')
    await here.users.invalidateTags('is:c')
    const late = await ready({ use: [replicate()] })
    const result = await at.run(prewarm(late.cache))
    expect(result).toMatchObject({ applied: 2, complete: true })
    expect([...(await late.users.getMany(['1', '2', '3', '4'])).keys()]).toEqual(['1', '4'])
    await here.users.delete('4')
    await at.run(late.cache.sync())
    expect(late.users.peek('4')).toBeUndefined()
  })

  it('takes the newest values within maxRecords', async () => {
    const here = await ready({ use: [replicate()] })
    for (let n = 0; n < 10; n++) await here.users.getOrSet(`${n}`, () => 'x')
    await at.runtime.settle()
    const late = await ready()
    expect(await at.run(prewarm(late.cache, { maxRecords: 3 }))).toMatchObject({
      records: 3,
      applied: 3,
      complete: false,
    })
    expect(late.users.peek('9')).toBe('x')
  })

  it('refuses what it cannot judge, because the evictions of that time are no longer remembered', async () => {
    const here = await ready({ use: [replicate()] })
    await here.users.getOrSet('1', () => 'x')
    await at.runtime.settle()
    for (let n = 0; n < 20; n++) await here.users.delete('other')
    const late = await ready({ maxCatchUpRecords: 5 })
    expect(await at.run(prewarm(late.cache))).toMatchObject({ applied: 0 })
    expect(late.of('refuse')).toMatchObject(
      [{ key: '1', reason: 'horizon' }, { reason: 'horizon' }].slice(0, 1),
    )
  })

  it('never judges by more evictions than fit its memory', async () => {
    const here = await ready({ use: [replicate()] })
    await here.users.getOrSet('victim', () => 'old')
    await at.runtime.settle()
    await here.users.delete('victim', { version: 1 })
    for (let n = 0; n < 100; n++) await here.users.delete(`other${n}`)
    const late = await ready({ maxRememberedEvictions: 8 })
    await at.run(prewarm(late.cache))
    expect(late.users.peek('victim')).toBeUndefined()
  })

  it('ends with its budget, holds nothing then, and blocks no read', async () => {
    const here = await ready({ use: [replicate()] })
    await here.users.getOrSet('1', () => 'x')
    await at.runtime.settle()
    const late = await ready()
    late.kafka.pause()
    const warming = prewarm(late.cache, { budget: '1s' })
    expect(await late.users.getOrSet('2', () => 'y')).toBe('y')
    expect(await at.run(warming)).toEqual({ records: 0, applied: 0, bytes: 0, complete: false })
    await expect(prewarm(late.cache, { maxRecords: 0 })).rejects.toThrow('`maxRecords`')
  })
})
