/** Garbage in the evictions topic: attacks 08 and 18 of the security review. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { CacheOptions, KedgeEvent } from '../../../src/index.ts'
import type { MemoryOptions } from '../../../src/testing/index.ts'
import { readyIn, request, world } from '../world.ts'
import type { World } from '../world.ts'

const EVICTIONS = 'cache-evictions'
let at: World
beforeEach(() => {
  at = world()
})

const garbage = (value = 'x') =>
  at.log.append(EVICTIONS, { key: null, value: new TextEncoder().encode(value) }).offset
const evict = (...keys: string[]) => garbage(JSON.stringify({ v: 1, op: 'evict', ns: 'users', keys }))
const ready = (options?: Partial<CacheOptions>, kafka?: MemoryOptions) => readyIn(at, options, kafka)

/** Moments at which everything was dropped: a poll that applies several such records drops once. */
const dropsOf = ({ events }: { events: readonly KedgeEvent[] }, moments: ReadonlyMap<KedgeEvent, number>) =>
  new Set(events.filter(({ type }) => type === 'unreadable').map((event) => moments.get(event)!))

function watched() {
  const moments = new Map<KedgeEvent, number>()
  const events: KedgeEvent[] = []
  const onEvent = (event: KedgeEvent) => {
    events.push(event)
    moments.set(event, at.runtime.now())
  }
  return { onEvent, drops: () => [...dropsOf({ events }, moments)] }
}

describe('a record that cannot be read', () => {
  it('drops everything at the first poll that meets it, and is counted, an event, and told with freshness', async () => {
    const { users, cache, of } = await ready({ refreshAfter: 0 })
    await users.getOrSet('1', () => 'x')
    expect(cache.freshness().unreadable).toBeUndefined()
    await at.runtime.advance(1)
    const offset = garbage()
    cache.for(request())
    await at.runtime.settle()
    expect(users.peek('1')).toBeUndefined()
    expect(cache.stats()).toMatchObject({ entries: 0, refused: 1 })
    expect(of('unreadable')).toMatchObject([{ topic: EVICTIONS, partition: 0, offset }])
    expect(cache.freshness()).toMatchObject({ lag: 0, unreadable: { records: 1, agoMs: 0 } })
    await at.runtime.advance(61_000)
    expect(cache.freshness().unreadable).toBeUndefined()
  })

  it('costs one drop with as many others as one poll meets', async () => {
    const { onEvent, drops } = watched()
    const { users, cache } = await ready({ onEvent })
    await users.getOrSet('1', () => 'x')
    for (let n = 0; n < 2000; n++) garbage()
    await at.run(cache.sync())
    expect(drops()).toHaveLength(1)
    expect(cache.freshness()).toMatchObject({ lag: 0, proved: true, unreadable: { records: 2000 } })
  })
})

describe('records that cannot be read, and go on', () => {
  /** One every 100 ms for ten seconds, under one read each 50 ms. */
  async function flood(options: Partial<CacheOptions> = {}, kafka: MemoryOptions = {}) {
    const { onEvent, drops } = watched()
    const here = await ready({ maxStaleness: '2s', refreshAfter: 0, onEvent, ...options }, kafka)
    let row = 0
    let loads = 0
    const evicted: number[] = []
    let worstMs = 0
    let waitedMs = 0
    const serve = async () => {
      const since = at.runtime.now()
      const served = await at.run(
        here.users.getOrSet('hot', () => {
          loads++
          return `${row}`
        }),
      )
      waitedMs = Math.max(waitedMs, at.runtime.now() - since)
      for (let version = Number(served); version < row; version++)
        worstMs = Math.max(worstMs, at.runtime.now() - evicted[version]!)
    }
    for (let step = 0; step < 200; step++) {
      if (step % 2 === 0) garbage()
      // The row changes, and such a record is all that says so: it stands for the eviction of a format not known here.
      if (step % 14 === 0) {
        evicted[row] = at.runtime.now()
        row++
        garbage('\u{1}\u{2}')
      }
      here.cache.for(request())
      await serve()
      await at.runtime.advance(50)
    }
    return { ...here, drops, loads, worstMs, waitedMs }
  }

  it('drop everything once a second at most, and leave a cache in between', async () => {
    const { drops, loads, worstMs, cache } = await flood()
    const moments = drops()
    for (const [n, moment] of moments.slice(1).entries())
      expect(moment - moments[n]!).toBeGreaterThanOrEqual(1000)
    expect(moments.length).toBeGreaterThanOrEqual(8)
    expect(loads).toBeLessThanOrEqual(12)
    // What such a record evicted is gone within `maxStaleness`, as ever.
    expect(worstMs).toBeGreaterThan(0)
    expect(worstMs).toBeLessThan(2000)
    await at.run(cache.sync())
    expect(cache.freshness()).toMatchObject({ lag: 0, proved: true })
  })

  it('never keep a value for longer than a shorter `maxStaleness`, nor a read waiting for the end of the second', async () => {
    const { worstMs, waitedMs } = await flood({ maxStaleness: '300ms' })
    expect(worstMs).toBeLessThan(300)
    expect(waitedMs).toBe(0)
  })

  it('are met by each read where `maxStaleness` is 0', async () => {
    const { worstMs } = await flood({ maxStaleness: 0 })
    expect(worstMs).toBe(0)
  })

  it('cost no more polls than reads need', async () => {
    const { kafka } = await flood({}, { latency: 5 })
    expect(kafka.calls.offsets).toBeLessThanOrEqual(40)
  })

  it('do not keep `sync()` from reading all, once the pause of polls is over', async () => {
    const { users, cache } = await ready({ refreshAfter: 0 })
    garbage()
    await at.run(cache.sync())
    await users.getOrSet('1', () => 'x')
    await at.runtime.advance(600)
    garbage()
    cache.for(request())
    await at.runtime.settle()
    expect(users.peek('1')).toBe('x')
    const since = at.runtime.now()
    expect(await at.run(cache.sync())).toMatchObject({ lag: 0, proved: true })
    expect(at.runtime.now() - since).toBe(400)
    expect(users.peek('1')).toBeUndefined()
  })

  it('are not waited for by `sync()` where the pause is longer than `pollTimeout`', async () => {
    const { users, cache } = await ready({ refreshAfter: 0 })
    garbage()
    await at.run(cache.sync())
    await users.getOrSet('1', () => 'x')
    await at.runtime.advance(100)
    garbage()
    const since = at.runtime.now()
    expect(await at.run(cache.sync())).toMatchObject({ lag: 1, ageMs: 100 })
    expect(at.runtime.now()).toBe(since)
    expect(users.peek('1')).toBe('x')
  })

  it('drop everything once a second at most beside calls of `sync()`', async () => {
    const { onEvent, drops } = watched()
    const { users, cache } = await ready({ onEvent })
    let loads = 0
    const end = at.runtime.now() + 5000
    while (at.runtime.now() < end) {
      garbage()
      await at.run(cache.sync())
      await at.run(users.getOrSet('1', () => `${++loads}`))
      await at.runtime.advance(20)
    }
    const moments = drops()
    for (const [n, moment] of moments.slice(1).entries())
      expect(moment - moments[n]!).toBeGreaterThanOrEqual(1000)
    expect(moments.length).toBeGreaterThanOrEqual(4)
    expect(loads).toBeLessThanOrEqual(7)
  })

  it('are read in the end: the position does not pass them unread', async () => {
    const { users, cache } = await ready({ refreshAfter: 0 })
    garbage()
    await at.run(cache.sync())
    await users.getOrSet('1', () => 'x')
    await users.getOrSet('2', () => 'x')
    await at.runtime.advance(100)
    garbage()
    evict('2')
    cache.for(request())
    await at.runtime.settle()
    expect(cache.freshness()).toMatchObject({ lag: 2, proved: true, ageMs: 100 })
    await at.runtime.advance(1000)
    cache.for(request())
    await at.runtime.settle()
    expect(cache.freshness()).toMatchObject({ lag: 0, ageMs: 0 })
    expect([users.peek('1'), users.peek('2')]).toEqual([undefined, undefined])
  })

  it('leave what was loaded after the poll that has seen where they end', async () => {
    const { users, cache } = await ready({ refreshAfter: 0 })
    garbage()
    await at.run(cache.sync())
    await at.runtime.advance(100)
    garbage()
    cache.for(request())
    await at.runtime.settle()
    await users.getOrSet('1', () => 'later')
    await at.run(cache.sync())
    expect(users.peek('1')).toBe('later')
  })

  it.each(['stale', 'throw', 'bypass'] as const)(
    'make a reader with a token from beyond them wait for the end of the pause, with onUnreachable %s, and no other',
    async (onUnreachable) => {
      const here = await ready({ refreshAfter: 0, onUnreachable })
      const there = await ready()
      garbage()
      await at.run(here.cache.sync())
      await here.users.getOrSet('1', () => 'old')
      await here.users.getOrSet('2', () => 'held')
      await at.runtime.advance(100)
      garbage()
      const after = await at.run(there.users.delete('1'))
      const since = at.runtime.now()
      const waits = here.users.getOrSet('1', () => 'new', { after })
      expect(await at.run(here.users.getOrSet('2', () => 'loaded'))).toBe('held')
      expect(at.runtime.now()).toBe(since)
      expect(await at.run(waits)).toBe('new')
      expect(at.runtime.now() - since).toBe(900)
      expect(here.users.peek('1')).toBe('new')
    },
  )

  it('end the wait of a reader when its signal says so', async () => {
    const { users, cache } = await ready({ refreshAfter: 0 })
    garbage()
    await at.run(cache.sync())
    await users.getOrSet('1', () => 'held')
    await at.runtime.advance(100)
    const after = `k1.0-${garbage() + 1}`
    const stop = new AbortController()
    const read = users.getOrSet('1', () => 'new', { after, signal: stop.signal })
    await at.runtime.settle()
    stop.abort(new Error('enough'))
    await expect(at.run(read)).rejects.toThrow('enough')
  })

  it.each([{ isolatesRequests: false }, { isolatesRequests: true }])(
    'make 600 readers with a token of the end cost no more than the drops do: %j',
    async (options) => {
      at = world(options)
      const { users, cache } = await ready({ refreshAfter: 0 })
      garbage()
      await at.run(cache.sync())
      let loads = 0
      const load = () => `${++loads}`
      await users.getOrSet('1', load)
      await at.runtime.advance(20)
      const reads: Promise<string>[] = []
      for (let n = 0; n < 600; n++) {
        const after = `k1.0-${garbage() + 1}`
        reads.push(cache.for(request(), { after }).namespace<string>('users').getOrSet('1', load))
        if (n % 10 === 9) await at.runtime.advance(10)
      }
      await at.run(Promise.all(reads))
      expect(loads).toBeLessThanOrEqual(3)
    },
  )

  it('do not make a forged token cost loads', async () => {
    const { users, cache } = await ready({ refreshAfter: 0 })
    garbage()
    await at.run(cache.sync())
    await users.getOrSet('1', () => 'held')
    await at.runtime.advance(100)
    for (let n = 0; n < 50; n++) {
      garbage()
      const after = `k1.0-${9_007_199_254_740_991 - n}`
      expect(await at.run(users.getOrSet('1', () => 'loaded', { after }))).toBe('held')
    }
  })

  it('neither spin nor drop more often in a loop that follows', async () => {
    const { onEvent, drops } = watched()
    const { users, cache, kafka } = await ready({ onEvent, refreshAfter: '50ms' })
    const stop = new AbortController()
    const following = cache.follow({ signal: stop.signal }).catch(() => undefined)
    const before = kafka.calls.offsets + kafka.calls.read
    let loads = 0
    for (let step = 0; step < 100; step++) {
      garbage()
      await at.run(users.getOrSet('1', () => `${++loads}`))
      await at.runtime.advance(50)
    }
    stop.abort()
    await following
    expect(drops().length).toBeGreaterThanOrEqual(4)
    expect(drops().length).toBeLessThanOrEqual(6)
    expect(loads).toBeLessThanOrEqual(7)
    expect(kafka.calls.offsets + kafka.calls.read - before).toBeLessThanOrEqual(40)
  })
})
