import { beforeEach, describe, expect, it } from 'vitest'
import type { CacheOptions, Token } from '../../../src/index.ts'
import { KedgeError } from '../../../src/index.ts'
import type { MemoryOptions } from '../../../src/testing/index.ts'
import { deferred, request, source, readyIn, world } from '../world.ts'
import type { World } from '../world.ts'

let at: World
beforeEach(() => {
  at = world()
})

const ready = (options?: Partial<CacheOptions>, kafka?: MemoryOptions) => readyIn(at, options, kafka)

const unreachable = new KedgeError('ERR_NETWORK', 'refused', { retryable: true })

describe('when polls happen', () => {
  it('a hit younger than refreshAfter does no I/O', async () => {
    const { users, kafka } = await ready({ maxStaleness: '2s' })
    await users.getOrSet('1', () => 'x')
    const before = kafka.calls.offsets
    await at.runtime.advance(999)
    expect(await users.get('1')).toBe('x')
    await at.runtime.settle()
    expect(kafka.calls.offsets).toBe(before)
  })

  it('a hit older than refreshAfter is served at once, and one poll runs behind it', async () => {
    const { users, kafka } = await ready({ maxStaleness: '2s' }, { latency: 50 })
    await users.getOrSet('1', () => 'x')
    const before = kafka.calls.offsets
    await at.runtime.advance(1200)
    expect(await users.get('1')).toBe('x')
    expect(await users.get('1')).toBe('x')
    await at.runtime.advance(50)
    expect(kafka.calls.offsets).toBe(before + 1)
    expect(kafka.calls.read).toBe(0)
  })

  it('a request boundary starts a poll under waitUntil when one is due', async () => {
    const { cache, kafka } = await ready()
    const early = request()
    cache.for(early)
    expect(early.work).toEqual([])
    await at.runtime.advance(1500)
    const context = request()
    cache.for(context)
    expect(context.work).toHaveLength(1)
    const before = kafka.calls.offsets
    await Promise.all(context.work)
    expect(kafka.calls.offsets).toBeLessThanOrEqual(before + 1)
    expect(cache.freshness()).toMatchObject({ proved: true, ageMs: 0, lag: 0 })
  })

  it('a held value older than maxStaleness waits for a poll, and is not served when it was evicted', async () => {
    const here = await ready({ maxStaleness: '2s' }, { latency: 100 })
    const there = await ready()
    await here.users.getOrSet('1', () => 'old')
    await at.run(there.users.delete('1'))
    await at.runtime.advance(2500)
    expect(here.users.peek('1')).toBeUndefined()
    expect(await at.run(here.users.getOrSet('1', () => 'new'))).toBe('new')
  })

  it('a miss does not wait for the poll', async () => {
    const { users, kafka } = await ready()
    await at.runtime.advance(5000)
    kafka.pause()
    expect(await users.getOrSet('1', () => 'x')).toBe('x')
  })

  it('the age counts from the time before the poll was sent', async () => {
    const { cache } = await ready({}, { latency: 300 })
    await at.run(cache.sync())
    expect(cache.freshness().ageMs).toBeGreaterThanOrEqual(300)
  })

  it('maxStaleness 0 asks the log on each read', async () => {
    const here = await ready({ maxStaleness: 0 })
    const there = await ready()
    await here.users.getOrSet('1', () => 'old')
    expect(await at.run(here.users.get('1'))).toBe('old')
    await there.users.delete('1')
    expect(await at.run(here.users.get('1'))).toBeUndefined()
  })

  it('many callers share one poll', async () => {
    const { users, kafka } = await ready({}, { latency: 100 })
    await users.getOrSet('1', () => 'x')
    await at.runtime.advance(5000)
    const before = kafka.calls.offsets
    await at.run(Promise.all(Array.from({ length: 20 }, () => users.get('1'))))
    expect(kafka.calls.offsets).toBe(before + 1)
  })

  it('reads of several megabytes are caught up with in several answers', async () => {
    const here = await ready({ maxPollBytes: 1000 })
    const there = await ready()
    await here.users.getOrSet('49', () => 'x')
    for (let n = 0; n < 50; n++) await there.users.delete(`${n}`)
    await at.run(here.cache.sync())
    expect(here.cache.freshness()).toMatchObject({ proved: true, lag: 0 })
    expect(here.kafka.calls.read).toBeGreaterThanOrEqual(3)
    expect(here.users.peek('49')).toBeUndefined()
  })

  it('a record larger than maxPollBytes is still read', async () => {
    const here = await ready({ maxPollBytes: 10 })
    await here.users.getOrSet('1', () => 'x')
    const there = await ready()
    await there.users.delete('1')
    await at.run(here.cache.sync())
    expect(here.users.peek('1')).toBeUndefined()
  })
})

describe('an empty answer', () => {
  it('proves nothing while the end is further on', async () => {
    const here = await ready({ maxStaleness: '1h', refreshAfter: 0, maxOutage: '1h' })
    const there = await ready()
    await here.users.getOrSet('1', () => 'old')
    await there.users.delete('1')
    const { freshAt } = { freshAt: here.cache.freshness().ageMs }
    here.kafka.read = async (_, positions) => ({ records: [], next: [...positions], outOfRange: [] })
    await at.runtime.advance(100)
    await at.run(here.cache.sync())
    expect(here.cache.freshness().ageMs).toBeGreaterThan(freshAt)
    expect(here.cache.freshness().error).toMatchObject({ code: 'ERR_PROTOCOL' })
  })

  it('again and again, at one position, makes the cache start again at the end', async () => {
    const here = await ready({ maxStaleness: '1h', refreshAfter: 0, maxOutage: '1h' })
    const there = await ready()
    await here.users.getOrSet('2', () => 'x')
    await there.users.delete('1')
    here.kafka.read = async (_, positions) => ({ records: [], next: [...positions], outOfRange: [] })
    for (let n = 0; n < 4; n++) {
      await at.run(here.cache.sync())
      await at.runtime.advance(10_000)
    }
    expect(here.of('reanchor').map(({ reason }) => reason)).toEqual(['start', 'stalled'])
    expect(here.cache.stats().entries).toBe(0)
    expect(here.cache.freshness().lag).toBe(0)
  })
})

describe('when Kafka is out of reach', () => {
  it("'stale' serves what is held, flagged, for maxOutage, and then loads past the cache", async () => {
    const { users, kafka } = await ready({ maxStaleness: '2s', maxOutage: '30s', ttl: '1h' })
    const db = source({ '1': 'held' })
    await users.getOrSet('1', db.load)
    kafka.fail(unreachable)
    db.rows.set('1', 'loaded')
    await at.runtime.advance(3000)
    const entry = await at.run(users.getEntry('1', db.load))
    expect(entry).toMatchObject({
      state: 'stale',
      staleBecause: 'unreachable',
      value: 'held',
      cached: true,
      bypassed: false,
    })
    expect(users.peek('1')).toBeUndefined()
    await at.runtime.advance(30_000)
    const bypass = await at.run(users.getEntry('1', db.load))
    expect(bypass).toMatchObject({ state: 'fresh', value: 'loaded', cached: false, bypassed: true })
    expect(await at.run(users.getEntry('1'))).toMatchObject({ state: 'miss', bypassed: true })
    expect(await at.run(users.get('1'))).toBeUndefined()
  })

  it('an expired value served meanwhile is flagged as unproved first of all', async () => {
    const { users, kafka } = await ready({ maxStaleness: '2s', ttl: '2s', swr: '1m', staleIfError: '1m' })
    await users.getOrSet('1', () => 'held')
    kafka.fail(unreachable)
    await at.runtime.advance(3000)
    const swr = await at.run(users.getEntry('1', () => 'new'))
    expect(swr).toMatchObject({ value: 'held', staleBecause: 'unreachable', ttlMs: -1000 })
    const fails = () => Promise.reject(new Error('down'))
    await at.runtime.advance(3000)
    const error = await at.run(users.getEntry('1', fails, { swr: 0 }))
    expect(error).toMatchObject({ staleBecause: 'unreachable' })
  })

  it('back in reach, what was loaded past the cache is served again if nothing evicted it', async () => {
    const { users, kafka } = await ready({ onUnreachable: 'bypass' })
    kafka.fail(unreachable)
    await at.runtime.advance(3000)
    await at.run(users.getOrSet('1', () => 'a'))
    await at.run(users.getOrSet('2', () => 'b'))
    const other = await ready()
    await other.users.delete('2')
    kafka.fail()
    await at.runtime.advance(10_000)
    expect(await at.run(users.getMany(['1', '2']))).toEqual(new Map([['1', 'a']]))
  })

  it("'throw' refuses held values, and still loads what is missing", async () => {
    const { users, kafka } = await ready({ onUnreachable: 'throw' })
    await users.getOrSet('1', () => 'x')
    kafka.fail(unreachable)
    await at.runtime.advance(3000)
    await expect(at.run(users.get('1'))).rejects.toMatchObject({
      code: 'ERR_UNREACHABLE',
      retryable: true,
      cause: unreachable,
    })
    expect(await at.run(users.getOrSet('2', () => 'y'))).toBe('y')
  })

  it('no read waits longer than pollTimeout for a log that is silent', async () => {
    const { users, kafka, cache } = await ready({ pollTimeout: 500 })
    await users.getOrSet('1', () => 'x')
    await at.runtime.advance(3000)
    kafka.pause()
    let answered = false
    void users.get('1').then(() => (answered = true))
    await at.runtime.advance(499)
    expect(answered).toBe(false)
    await at.runtime.advance(1)
    expect(answered).toBe(true)
    // The poll is known to hang: a later caller does not wait for it again.
    expect(await users.get('1')).toBe('x')
    await at.runtime.advance(5000)
    expect(cache.freshness().error).toMatchObject({ code: 'ERR_TIMEOUT' })
  })

  it('after a failure the cache polls after growing pauses, and no read waits', async () => {
    const { users, kafka, of } = await ready({ maxStaleness: '1s', maxOutage: '1h' })
    await users.getOrSet('1', () => 'x')
    kafka.fail(unreachable)
    await at.runtime.advance(2000)
    const before = kafka.calls.offsets
    for (let n = 0; n < 600; n++) {
      await users.get('1')
      await at.runtime.advance(100)
    }
    expect(kafka.calls.offsets - before).toBeLessThan(25)
    const waits = of('poll_failed').map(({ retryInMs }) => retryInMs)
    expect(Math.max(...waits)).toBeLessThanOrEqual(5000)
    expect(waits.at(-1)).toBeGreaterThan(2000)
  })

  it('Retry-After is obeyed, within bounds', async () => {
    const { users, kafka, of } = await ready()
    await users.getOrSet('1', () => 'x')
    kafka.fail(new KedgeError('ERR_RATE_LIMITED', 'slow down', { retryable: true, retryAfterMs: 86_400_000 }))
    await at.runtime.advance(2000)
    await at.run(users.get('1'))
    expect(of('poll_failed')).toMatchObject([{ retryInMs: 30_000 }])
  })

  it('loads past the cache are limited more narrowly', async () => {
    const { users, kafka } = await ready({ onUnreachable: 'bypass', maxBypassLoads: 2 })
    kafka.fail(unreachable)
    await at.runtime.advance(3000)
    await at.run(users.getOrSet('0', () => 'x'))
    let most = 0
    let running = 0
    const load = async () => {
      most = Math.max(most, ++running)
      await at.runtime.sleep(20)
      running--
      return 'x'
    }
    await at.run(Promise.all(Array.from({ length: 9 }, (_, n) => users.getOrSet(`${n + 1}`, load))))
    expect(most).toBe(2)
  })
})

describe('tokens', () => {
  it('a read after a token sees the write, at once', async () => {
    const here = await ready()
    const there = await ready()
    await there.users.getOrSet('1', () => 'old')
    const token = await here.users.delete('1')
    expect(await there.users.get('1')).toBe('old')
    expect(await at.run(there.users.get('1', { after: token }))).toBeUndefined()
    expect(await at.run(there.users.getOrSet('1', () => 'new', { after: token }))).toBe('new')
  })

  it('a scope takes a token in, and hands on its own writes', async () => {
    const here = await ready()
    const there = await ready()
    await there.users.getOrSet('1', () => 'old')
    const first = here.cache.for(request())
    expect(first.token).toBeUndefined()
    await first.namespace('users').delete('1')
    await here.users.delete('2')
    await first.namespace('users').delete('3')
    expect(first.token).toMatch(/^k1\.0-3~/)
    const second = there.cache.for(request(), { after: first.token as Token })
    expect(second.namespace('users').peek('1')).toBeUndefined()
    expect(await at.run(second.namespace('users').get('1'))).toBeUndefined()
    expect(second.token).toMatch(/^k1\.0-3~/)
  })

  it('a value written and read within one scope is there without a poll', async () => {
    const { cache, kafka } = await ready()
    const users = cache.for(request()).namespace<string>('users')
    const before = kafka.calls.offsets
    await users.set('1', 'x')
    expect(await users.get('1')).toBe('x')
    expect(kafka.calls.offsets).toBe(before)
  })

  it('an unreachable log never serves a value that a token forbids', async () => {
    const { users, kafka } = await ready({ maxOutage: '1h' })
    const other = await ready()
    await users.getOrSet('1', () => 'old')
    const token = await other.users.delete('1')
    kafka.fail(unreachable)
    expect(await at.run(users.get('1', { after: token }))).toBeUndefined()
    expect(await at.run(users.getOrSet('1', () => 'new', { after: token }))).toBe('new')
  })

  it('what is no token is refused', async () => {
    const { users, cache } = await ready()
    const refusal = { code: 'ERR_TOKEN', retryable: false }
    await expect(users.get('1', { after: 'nonsense' })).rejects.toMatchObject(refusal)
    expect(() => cache.for(request(), { after: 'k1.0-99999999999999999' })).toThrow(KedgeError)
  })
})

describe('starting again at the end of the log', () => {
  it('too far behind, it drops everything instead of reading on', async () => {
    const here = await ready({ maxCatchUpRecords: 10 })
    const there = await ready()
    await here.users.getOrSet('1', () => 'x')
    for (let n = 0; n < 11; n++) await there.users.delete('other')
    await at.run(here.cache.sync())
    expect(here.of('reanchor').map(({ reason }) => reason)).toEqual(['start', 'behind'])
    expect(here.cache.stats()).toMatchObject({ entries: 0, reanchors: 2 })
    expect(here.kafka.calls.read).toBe(0)
  })

  it('after retention has deleted what was not read yet', async () => {
    const here = await ready()
    const there = await ready()
    await here.users.getOrSet('1', () => 'x')
    for (let n = 0; n < 5; n++) await there.users.delete('other')
    at.log.truncate('cache-evictions', 0, 3)
    await at.run(here.cache.sync())
    expect(here.of('reanchor').at(-1)).toMatchObject({ reason: 'truncated', offset: 5 })
    expect(here.users.peek('1')).toBeUndefined()
  })

  it('on a topic that was deleted and made again, whatever its length', async () => {
    const there = await ready()
    for (let n = 0; n < 3; n++) await there.users.delete('other')
    const here = await ready()
    await here.users.getOrSet('1', () => 'x')
    at.log.recreateTopic('cache-evictions')
    const anew = await ready()
    for (let n = 0; n < 3; n++) await anew.users.delete('1')
    await at.run(here.cache.sync())
    expect(here.of('reanchor').at(-1)).toMatchObject({ reason: 'replaced' })
    expect(here.users.peek('1')).toBeUndefined()
  })

  it('a log without identity is recognised by the last record', async () => {
    const capabilities = { identity: false }
    const there = await ready()
    const here = await ready({}, { capabilities })
    await there.users.delete('other')
    await at.run(here.cache.sync())
    await here.users.getOrSet('1', () => 'x')
    at.log.recreateTopic('cache-evictions')
    const anew = await ready()
    for (let n = 0; n < 3; n++) await anew.users.delete('1')
    await at.run(here.cache.sync())
    expect(here.of('reanchor').at(-1)).toMatchObject({ reason: 'replaced' })
    expect(here.users.peek('1')).toBeUndefined()
  })

  it('a log without identity that has become shorter is another one', async () => {
    const there = await ready()
    for (let n = 0; n < 3; n++) await there.users.delete('other')
    const here = await ready({}, { capabilities: { identity: false } })
    await here.users.getOrSet('1', () => 'x')
    at.log.recreateTopic('cache-evictions')
    await at.run(here.cache.sync())
    expect(here.of('reanchor').at(-1)).toMatchObject({ reason: 'rewound' })
    expect(here.users.peek('1')).toBeUndefined()
  })

  it('polls that could not verify the log are counted', async () => {
    const { cache, of } = await ready({}, { capabilities: { identity: false } })
    await cache.sync()
    expect(of('poll').map(({ verified }) => verified)).toEqual([true, false])
    expect(cache.stats().unverified).toBe(1)
    const there = await ready()
    await there.users.delete('1')
    await at.run(cache.sync())
    await at.run(cache.sync())
    expect(of('poll').at(-1)).toMatchObject({ verified: true })
  })

  it('an offset gap is not loss', async () => {
    const here = await ready()
    await here.users.getOrSet('1', () => 'x')
    const there = await ready()
    const transaction = at.log.begin()
    await there.users.delete('2')
    transaction.append('cache-evictions', {
      key: null,
      value: new TextEncoder().encode('{"v":1,"op":"beat"}'),
    })
    transaction.commit()
    await there.users.delete('3')
    await at.run(here.cache.sync())
    expect(here.of('reanchor')).toHaveLength(1)
    expect(here.users.peek('1')).toBe('x')
  })

  it('a load under way when it happens is returned, and not kept', async () => {
    const here = await ready({ maxCatchUpRecords: 1 })
    const there = await ready()
    const row = deferred<string>()
    const load = here.users.getOrSet('1', () => row.promise)
    await at.runtime.settle()
    for (let n = 0; n < 3; n++) await there.users.delete('other')
    await at.run(here.cache.sync())
    row.resolve('x')
    expect(await load).toBe('x')
    expect(here.users.peek('1')).toBeUndefined()
  })
})

describe('follow', () => {
  it('keeps the cache fresh without requests, by long polls, until it is aborted', async () => {
    const here = await ready()
    const there = await ready()
    const abort = new AbortController()
    const loop = here.cache.follow({ signal: abort.signal })
    await here.users.getOrSet('1', () => 'x')
    await at.runtime.advance(10_000)
    expect(here.cache.freshness().ageMs).toBeLessThanOrEqual(1000)
    await there.users.delete('1')
    // No time passes: the record rings the bell.
    await at.runtime.settle()
    expect(here.users.peek('1')).toBeUndefined()
    abort.abort()
    await loop
    expect(at.runtime.sleeping).toBe(0)
  })

  it('drops what the record that rang the bell evicts, though no poll can prove anything', async () => {
    const here = await ready()
    const there = await ready()
    const abort = new AbortController()
    const loop = here.cache.follow({ signal: abort.signal })
    await here.users.getOrSet('1', () => 'x')
    await at.runtime.settle()
    here.kafka.fail(unreachable, { on: 'offsets' })
    await there.users.delete('1')
    await at.runtime.settle()
    expect(here.users.peek('1')).toBeUndefined()
    expect(here.cache.freshness().lag).toBe(0)
    abort.abort()
    await loop
  })

  it('ignores the late answer of a log that was recreated meanwhile: its offsets lie beyond the end', async () => {
    const beat = new TextEncoder().encode('{"v":1,"op":"beat"}')
    for (let n = 0; n < 100; n++) at.log.append('cache-evictions', { key: null, value: beat })
    const here = await ready()
    const there = await ready()
    const read = here.kafka.read.bind(here.kafka)
    Object.assign(here.kafka, {
      read: async (...args: Parameters<typeof read>) => {
        const result = await read(...args)
        if (result.records.length > 0) await at.runtime.sleep(200)
        return result
      },
    })
    const abort = new AbortController()
    const loop = here.cache.follow({ signal: abort.signal })
    await at.runtime.settle()
    await there.users.clear()
    await at.runtime.settle()
    at.log.recreateTopic('cache-evictions')
    await here.cache.sync()
    await at.runtime.advance(200)
    await here.users.getOrSet('1', () => 'x')
    expect(here.users.peek('1')).toBe('x')
    abort.abort()
    await loop
  })

  it('polls in intervals where the log has no long polls, and survives failures', async () => {
    const here = await ready({}, { capabilities: { longPoll: false } })
    const abort = new AbortController()
    const loop = here.cache.follow({ signal: abort.signal })
    await at.runtime.advance(5000)
    expect(here.cache.freshness().proved).toBe(true)
    here.kafka.fail(unreachable)
    await at.runtime.advance(20_000)
    expect(here.cache.freshness().proved).toBe(false)
    here.kafka.fail()
    await at.runtime.advance(6000)
    expect(here.cache.freshness().proved).toBe(true)
    await here.cache.close()
    await loop
    abort.abort()
  })
})
