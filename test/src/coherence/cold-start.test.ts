/** An isolate that begins while Kafka is away. */
import { beforeEach, describe, expect, it } from 'vitest'
import { KedgeError } from '../../../src/index.ts'
import type { CacheOptions } from '../../../src/index.ts'
import { readyIn, request, source, world } from '../world.ts'
import type { World } from '../world.ts'
import { replicate } from '../../../src/replicate/index.ts'

let at: World
beforeEach(() => {
  at = world()
})

const unreachable = new KedgeError('ERR_NETWORK', 'refused', { retryable: true })

/** An isolate that has never reached the log, and has noticed. */
async function cold(options: Partial<CacheOptions> = {}) {
  const isolate = at.isolate(options)
  const users = isolate.cache.namespace<string>('users')
  isolate.kafka.fail(unreachable)
  await at.run(users.getOrSet('first', () => 'x').catch(() => undefined))
  await at.runtime.settle()
  return { ...isolate, users }
}

describe('an isolate that begins while Kafka is away', () => {
  it("protects the source under 'stale': what it has loaded it serves, flagged, and says so", async () => {
    const { users } = await cold({ ttl: '1h' })
    const db = source({ '1': 'a' })
    expect(await at.run(users.getEntry('1', db.load))).toMatchObject({
      value: 'a',
      state: 'fresh',
      cached: false,
      stored: true,
      bypassed: true,
    })
    for (let n = 0; n < 20; n++) {
      await at.runtime.advance(1000)
      expect(await at.run(users.getEntry('1', db.load))).toMatchObject({
        value: 'a',
        state: 'stale',
        staleBecause: 'unreachable',
        cached: true,
      })
    }
    expect(db.reads).toBe(1)
    expect(users.peek('1')).toBeUndefined()
  })

  it('holds nothing longer than maxOutage from the start of its load, windows included', async () => {
    const { users } = await cold({ ttl: '1h', swr: '1h', staleIfError: '1h', maxOutage: '30s' })
    const load = async () => {
      await at.runtime.sleep(10_000)
      return 'a'
    }
    await at.run(users.getOrSet('1', load))
    await at.runtime.advance(19_000)
    expect(await at.run(users.get('1'))).toBe('a')
    await at.runtime.advance(1000)
    expect(await at.run(users.get('1'))).toBeUndefined()
    const fails = () => Promise.reject(new Error('the source is away as well'))
    await expect(at.run(users.getOrSet('1', fails))).rejects.toThrow('the source is away as well')
  })

  it('renews in its swr window what it serves in the outage', async () => {
    const { users } = await cold({ ttl: '2s', swr: '20s', maxOutage: '1m' })
    const db = source({ '1': 'a' })
    await at.run(users.getOrSet('1', db.load))
    db.rows.set('1', 'b')
    await at.runtime.advance(3000)
    expect(await at.run(users.getEntry('1', db.load))).toMatchObject({
      value: 'a',
      staleBecause: 'unreachable',
    })
    await at.runtime.settle()
    expect(db.reads).toBe(2)
    expect(await at.run(users.getOrSet('1', db.load))).toBe('b')
  })

  it('holds it for less where the source may lag: what it answers may have been evicted for as long', async () => {
    const { users } = await cold({ ttl: '1h', maxOutage: '30s', settle: '10s' })
    const db = source({ '1': 'a' })
    await at.run(users.getOrSet('1', db.load))
    await at.runtime.advance(19_900)
    expect(await at.run(users.get('1'))).toBe('a')
    await at.runtime.advance(100)
    expect(await at.run(users.get('1'))).toBeUndefined()
    const late = await cold({ ttl: '1h', maxOutage: '30s', settle: '30s' })
    expect(await at.run(late.users.getEntry('1', db.load))).toMatchObject({ stored: false })
  })

  it('keeps to a TTL that is shorter', async () => {
    const { users } = await cold({ ttl: '5s', maxOutage: '1m' })
    const db = source({ '1': 'a' })
    await at.run(users.getOrSet('1', db.load))
    db.rows.set('1', 'b')
    await at.runtime.advance(5000)
    expect(await at.run(users.getOrSet('1', db.load))).toBe('b')
  })

  it('drops all of it at the first contact', async () => {
    const { users, cache, kafka, of } = await cold({ ttl: '1h' })
    await at.run(users.getOrSet('1', () => 'old'))
    expect(cache.stats().entries).toBe(1)
    const there = await readyIn(at)
    await there.users.delete('1')
    kafka.fail()
    await at.runtime.advance(10_000)
    await at.run(cache.sync())

    expect(cache.stats().entries).toBe(0)
    expect(of('drop')).toContainEqual({ type: 'drop', namespace: 'users', key: '1', reason: 'reanchor' })
    expect(await at.run(users.getOrSet('1', () => 'new'))).toBe('new')
    expect(users.peek('1')).toBe('new')
  })

  it('does not hold what was loaded across the first contact', async () => {
    const { users, cache, kafka, of } = await cold({ ttl: '1h' })
    const load = async () => {
      kafka.fail()
      await at.runtime.advance(10_000)
      await cache.sync()
      return 'old'
    }
    expect(await at.run(users.getEntry('1', load))).toMatchObject({ value: 'old', stored: false })
    expect(of('refuse').at(-1)).toMatchObject({ reason: 'unanchored' })
    expect(users.peek('1')).toBeUndefined()
  })

  it('publishes nothing of it: it has no as-of', async () => {
    const { users, kafka } = await cold({ ttl: '1h', use: [replicate()] })
    const produced = kafka.calls.produce
    const context = request()
    await at.run(users.getOrSet('1', () => 'a'))
    await Promise.all(context.work)
    await at.runtime.advance(1000)
    expect(kafka.calls.produce).toBe(produced)
  })

  it('serves nothing of it to a reader with a token', async () => {
    const there = await readyIn(at)
    const { users } = await cold({ ttl: '1h' })
    await at.run(users.getOrSet('1', () => 'old'))
    const token = await there.users.delete('1')
    expect(await at.run(users.getOrSet('1', () => 'new', { after: token }))).toBe('new')
  })

  it('serves nothing of it after a write of its own whose fate is unknown', async () => {
    const { users } = await cold({ ttl: '1h' })
    await at.run(users.getOrSet('1', () => 'old'))
    await expect(at.run(users.delete('1'))).rejects.toMatchObject({ code: 'ERR_PUBLISH' })
    expect(await at.run(users.getOrSet('1', () => 'new'))).toBe('new')
  })

  it('serves nothing of it after a write of its own that was acknowledged', async () => {
    const { users, kafka } = await cold({ ttl: '1h' })
    await at.run(users.getOrSet('1', () => 'old'))
    kafka.fail(unreachable, { on: 'offsets' })
    await at.run(users.delete('1'))
    expect(await at.run(users.getOrSet('1', () => 'new'))).toBe('new')
  })

  it('does so for many keys at once', async () => {
    const { users } = await cold({ ttl: '1h' })
    let loads = 0
    const load = async (keys: readonly string[]) => {
      loads++
      return new Map(keys.map((key) => [key, key]))
    }
    await at.run(users.getOrSetMany(['1', '2'], load))
    await at.runtime.advance(5000)
    expect(await at.run(users.getOrSetMany(['1', '2'], load))).toEqual(
      new Map([
        ['1', '1'],
        ['2', '2'],
      ]),
    )
    expect(loads).toBe(1)
  })

  it("throws under 'throw', also where nothing is held", async () => {
    const { users } = await cold({ onUnreachable: 'throw' })
    const db = source({ '1': 'a' })
    await expect(at.run(users.getOrSet('1', db.load))).rejects.toMatchObject({
      code: 'ERR_UNREACHABLE',
      retryable: true,
      cause: unreachable,
    })
    expect(db.reads).toBe(0)
  })

  it("loads each time under 'bypass', and says so", async () => {
    const { users } = await cold({ onUnreachable: 'bypass' })
    const db = source({ '1': 'a' })
    for (let n = 0; n < 3; n++)
      expect(await at.run(users.getEntry('1', db.load))).toMatchObject({ bypassed: true, stored: false })
    expect(db.reads).toBe(3)
  })

  it('notices after pollTimeout a log that is silent, without waiting for it', async () => {
    const { cache, kafka } = at.isolate({ ttl: '1h', pollTimeout: 500 })
    const users = cache.namespace<string>('users')
    const db = source({ '1': 'a' })
    kafka.pause()
    expect(await users.getEntry('1', db.load)).toMatchObject({ stored: false, bypassed: false })
    await at.runtime.advance(500)
    expect(await users.getEntry('1', db.load)).toMatchObject({ stored: true, bypassed: true })
    await at.runtime.advance(500)
    expect(await at.run(users.getEntry('1', db.load))).toMatchObject({ staleBecause: 'unreachable' })
    expect(db.reads).toBe(2)
  })
})

describe('an isolate that begins while Kafka answers', () => {
  it('serves its first request at once, and holds nothing that was loaded before the first contact', async () => {
    const { cache, kafka } = at.isolate({ ttl: '1h' }, { latency: 100 })
    const users = cache.namespace<string>('users')
    const db = source({ '1': 'a' })
    expect(await users.getEntry('1', db.load)).toMatchObject({ stored: false, bypassed: false })
    expect(await users.getEntry('1', db.load)).toMatchObject({ stored: false, bypassed: false })
    await at.runtime.advance(100)
    expect(kafka.calls.offsets).toBe(1)
    expect(await users.getEntry('1', db.load)).toMatchObject({ stored: true })
    expect(users.peek('1')).toBe('a')
  })
})
