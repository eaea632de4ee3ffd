import { beforeEach, describe, expect, it } from 'vitest'
import type { CacheOptions } from '../../../src/index.ts'
import type { MemoryOptions } from '../../../src/testing/index.ts'
import { partsOfCache } from '../../../src/write/cache-parts.ts'
import { deferred, readyIn, world } from '../world.ts'
import type { World } from '../world.ts'

let at: World
beforeEach(() => {
  at = world()
})

const encoder = new TextEncoder()

const append = (value: string, key: string | null = null) =>
  at.log.append('cache-evictions', {
    key: key === null ? null : encoder.encode(key),
    value: encoder.encode(value),
  })
const evict = (key: string) => append(JSON.stringify({ v: 1, op: 'evict', ns: 'users', keys: [key] }))

/** An isolate that follows the log, and what its reads bring. The log looks at what it has after `readsTakeMs`. */
async function following(options: Partial<CacheOptions> = {}, kafka: MemoryOptions = {}, readsTakeMs = 0) {
  const events: string[] = []
  let polled = 0
  const here = await readyIn(
    at,
    {
      ...options,
      onEvent: (event) => {
        if (event.type === 'evict' || event.type === 'unreadable')
          events.push(`${event.type} ${event.offset}`)
        if (event.type === 'poll') polled += event.records
        options.onEvent?.(event)
      },
    },
    kafka,
  )
  const brought: number[] = []
  const read = here.kafka.read.bind(here.kafka)
  Object.assign(here.kafka, {
    read: async (...args: Parameters<typeof read>) => {
      if (readsTakeMs > 0) await at.runtime.sleep(readsTakeMs)
      const result = await read(...args)
      brought.push(...result.records.map(({ offset }) => offset))
      return result
    },
  })
  const abort = new AbortController()
  const loop = here.cache.follow({ signal: abort.signal })
  await at.runtime.settle()
  const end = async () => {
    abort.abort()
    await loop
  }
  return { ...here, events, brought, end, polled: () => polled }
}

/** Lets the next calls of `offsets` answer only when the test calls what it returns. */
function hold(kafka: Awaited<ReturnType<typeof following>>['kafka']) {
  const gate = deferred<void>()
  const offsets = kafka.offsets.bind(kafka)
  Object.assign(kafka, {
    offsets: async (...args: Parameters<typeof offsets>) => {
      const bounds = await offsets(...args)
      await gate.promise
      return bounds
    },
  })
  return () => gate.resolve()
}

describe('records that a long poll has brought', () => {
  it('are read and applied once, and the poll that follows proves without them', async () => {
    const here = await following()
    const there = await readyIn(at)
    const { evictionsApplied } = here.cache.stats()
    await here.users.getOrSet('1', () => 'x')
    await there.users.delete('1')
    append('what is this?')
    await at.runtime.settle()
    await at.runtime.advance(10)
    expect(here.brought).toEqual([0, 1])
    expect(here.cache.stats().evictionsApplied - evictionsApplied).toBe(2)
    expect(here.polled()).toBe(2)
    expect(here.cache.stats().refused).toBe(1)
    expect(here.events).toEqual(['evict 0', 'unreadable 1', 'evict 1'])
    expect(here.cache.freshness()).toMatchObject({ proved: true, lag: 0 })
    await here.users.getOrSet('1', () => 'y')
    expect(here.users.peek('1')).toBe('y')
    await here.end()
  })

  it('tell how long it took to apply them, once for each answer of the log', async () => {
    const applied: unknown[] = []
    const here = await following({ onEvent: (event) => event.type === 'apply' && applied.push(event) })
    evict('1')
    evict('2')
    await at.runtime.settle()
    await at.runtime.advance(10)
    expect(applied).toEqual([{ type: 'apply', records: 2, durationMs: 0 }])
    // An answer without a record applies nothing, and tells nothing.
    await at.runtime.advance(60_000)
    expect(applied).toHaveLength(1)
    await here.end()
    // Of a poll that reads by itself as well.
    const polled: unknown[] = []
    const there = await readyIn(at, {
      onEvent: (event) => event.type === 'apply' && polled.push(event.records),
    })
    evict('3')
    await at.run(there.cache.sync())
    expect(polled).toEqual([1])
  })

  it('are read again where the log does not tell its identity', async () => {
    const here = await following({}, { capabilities: { identity: false } })
    const there = await readyIn(at)
    await here.users.getOrSet('1', () => 'x')
    await there.users.delete('1')
    await at.runtime.settle()
    await at.runtime.advance(10)
    expect(here.brought).toEqual([0, 0])
    expect(here.events).toEqual(['evict 0'])
    await here.end()
  })

  it('are read again for a namespace that is declared before the poll has its answer', async () => {
    const here = await following()
    const answer = hold(here.kafka)
    append('{"key":"1"}')
    await at.runtime.settle()
    const orders = here.cache.namespace<string>('orders')
    await orders.getOrSet('1', () => 'older than the eviction')
    answer()
    await at.runtime.settle()
    await at.runtime.advance(10)
    expect(here.cache.freshness().lag).toBe(0)
    expect(orders.peek('1')).toBeUndefined()
    await here.end()
  })

  it('count for nothing once the log is another one, which is as long', async () => {
    const here = await following()
    const answer = hold(here.kafka)
    const there = await readyIn(at)
    await there.users.delete('1')
    await at.runtime.settle()
    at.log.recreateTopic('cache-evictions')
    append('{"key":"2"}')
    append('{"key":"2"}')
    await here.users.getOrSet('2', () => 'x')
    answer()
    await at.runtime.settle()
    await at.runtime.advance(2000)
    expect(here.cache.stats().reanchors).toBe(2)
    expect(here.users.peek('2')).toBeUndefined()
    expect(here.cache.freshness().lag).toBe(0)
    await here.end()
  })

  it('leave no hole where the isolate has gone to the end of the same log meanwhile', async () => {
    const here = await following({ maxCatchUpRecords: 2 }, {}, 100)
    for (let nth = 0; nth < 3; nth++) append('{"key":"other"}')
    await here.cache.sync()
    expect(here.cache.stats().reanchors).toBe(2)
    await here.users.getOrSet('1', () => 'x')
    expect(here.users.peek('1')).toBe('x')
    append('{"key":"1"}')
    // Now the read is answered that began before.
    await at.runtime.advance(110)
    await at.run(here.cache.sync())
    expect(here.cache.freshness().lag).toBe(0)
    expect(here.users.peek('1')).toBeUndefined()
    await here.end()
  })

  it('are read again where the log says that it ends before them', async () => {
    const here = await following()
    const offsets = here.kafka.offsets.bind(here.kafka)
    let behind = 1
    Object.assign(here.kafka, {
      offsets: async (...args: Parameters<typeof offsets>) =>
        (await offsets(...args)).map((bounds) => (behind-- > 0 ? { ...bounds, end: 0 } : bounds)),
    })
    append('{"key":"1"}')
    await at.runtime.settle()
    await at.runtime.advance(20)
    expect(here.brought).toEqual([0, 0])
    expect(here.events).toEqual(['evict 0'])
    await here.end()
  })

  it('do not end a pause: a busy log is polled no more than a hundred times a second', async () => {
    const here = await following()
    const before = here.kafka.calls.offsets
    for (let ms = 0; ms < 1000; ms++) {
      append('{"key":"1"}')
      await at.runtime.advance(1)
    }
    const polls = here.kafka.calls.offsets - before
    expect(polls).toBeGreaterThan(50)
    expect(polls).toBeLessThanOrEqual(101)
    await at.runtime.advance(20)
    expect(here.cache.stats().evictionsApplied).toBe(1000)
    await here.end()
  })
})

describe('records that a long poll has brought, of which one cannot be read', () => {
  it('move the position up to before it, and the poll reads on from there and drops everything once', async () => {
    const here = await following()
    for (const key of ['1', '2', '3']) await here.users.getOrSet(key, () => 'x')
    evict('1')
    append('what is this?')
    evict('2')
    await at.runtime.settle()
    await at.runtime.advance(10)
    // 1 and 2 a second time: the poll has begun at the one that cannot be read.
    expect(here.brought).toEqual([0, 1, 2, 1, 2])
    expect(here.events).toEqual(['evict 0', 'unreadable 1', 'evict 1', 'evict 2'])
    expect(here.cache.stats()).toMatchObject({ entries: 0, refused: 1, evictionsApplied: 3 })
    expect(here.polled()).toBe(3)
    expect(here.cache.freshness()).toMatchObject({ proved: true, lag: 0, unreadable: { records: 1 } })
    await here.users.getOrSet('1', () => 'y')
    await at.runtime.advance(5000)
    expect(here.users.peek('1')).toBe('y')
    await here.end()
  })

  it('evict what they say at once, also those behind it, while the poll stops before it', async () => {
    const here = await following({ refreshAfter: '100ms' })
    append('what is this?')
    await at.runtime.advance(20)
    expect(here.events).toEqual(['unreadable 0', 'evict 0'])
    for (const key of ['1', '2', '3']) await here.users.getOrSet(key, () => 'x')
    await at.runtime.advance(100)
    evict('1')
    append('and this?')
    evict('2')
    await at.runtime.settle()
    await at.runtime.advance(20)
    expect(['1', '2', '3'].map((key) => here.users.peek(key))).toEqual([undefined, undefined, 'x'])
    // The position stands before it, and no poll has proved anything since.
    expect(here.events).toEqual(['unreadable 0', 'evict 0', 'evict 1'])
    expect(here.cache.freshness()).toMatchObject({ lag: 2, unreadable: { records: 1 } })
    expect(here.cache.freshness().ageMs).toBeGreaterThanOrEqual(20)
    expect(here.cache.stats()).toMatchObject({ refused: 1, evictionsApplied: 2 })
    await at.runtime.advance(1000)
    expect(here.users.peek('3')).toBeUndefined()
    expect(here.events.slice(3)).toEqual(['unreadable 2', 'evict 2', 'evict 3'])
    expect(here.cache.freshness()).toMatchObject({ proved: true, lag: 0, unreadable: { records: 2 } })
    expect(here.cache.stats()).toMatchObject({ refused: 2, evictionsApplied: 4 })
    await here.end()
  })

  it('count a message under the key of another namespace among those', async () => {
    const here = await following()
    const orders = here.cache.namespace<string>('orders')
    await here.users.getOrSet('1', () => 'x')
    await orders.getOrSet('1', () => 'x')
    append(JSON.stringify({ v: 1, op: 'evict', ns: 'users', keys: ['1'] }), 'orders')
    await at.runtime.settle()
    await at.runtime.advance(10)
    expect(here.brought).toEqual([0, 0])
    expect(here.events).toEqual(['unreadable 0', 'evict 0'])
    expect(here.users.peek('1') ?? orders.peek('1')).toBeUndefined()
    await here.end()
  })
})

describe('a namespace that has missed what a long poll has brought', () => {
  it('has it read again, also where another one has left meanwhile', async () => {
    const here = await following()
    here.cache.namespace<string>('parts')
    // Until the next long poll begins.
    await at.runtime.advance(2000)
    const answer = hold(here.kafka)
    append('{"key":"1"}')
    await at.runtime.settle()
    partsOfCache(here.cache).forget('parts')
    const orders = here.cache.namespace<string>('orders')
    await orders.getOrSet('1', () => 'older than the eviction')
    answer()
    await at.runtime.settle()
    await at.runtime.advance(10)
    expect(here.cache.freshness().lag).toBe(0)
    expect(orders.peek('1')).toBeUndefined()
    await here.end()
  })

  it('begins behind all of it where a listener declares it', async () => {
    const lags: number[] = []
    const here = await following({
      onEvent: ({ type }) => {
        if (type !== 'evict') return
        here.cache.namespace('orders')
        lags.push(here.cache.freshness().lag)
      },
    })
    evict('1')
    evict('2')
    await at.runtime.settle()
    await at.runtime.advance(10)
    expect(here.brought).toEqual([0, 1])
    expect(lags).toEqual([0, 0])
    await here.end()
  })
})
