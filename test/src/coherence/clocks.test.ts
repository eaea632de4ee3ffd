/** A platform whose clocks step back together, as in Workers, where `performance.now()` is `Date.now()`. */
import { beforeEach, describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import type { CacheOptions } from '../../../src/index.ts'
import { fakeRuntime } from '../../../src/testing/index.ts'
import { Clock } from '../../../src/runtime/clock.ts'
import { deferred, readyIn, world } from '../world.ts'
import type { World } from '../world.ts'

let at: World
beforeEach(() => {
  at = world()
})

const ready = (options?: Partial<CacheOptions>) => readyIn(at, options)

describe('a cache whose clocks have stepped back', () => {
  it('serves nothing by a proof of unknown age', async () => {
    const here = await ready({ maxStaleness: '2s' })
    const there = await ready()
    await here.users.getOrSet('1', () => 'old')
    await there.users.delete('1')
    await at.runtime.advance(3000)
    at.runtime.stepClocks(-3500)

    expect(here.users.peek('1')).toBeUndefined()
    expect(await at.run(here.users.getOrSet('1', () => 'new'))).toBe('new')
  })

  it('notices a step that only hits have passed, however rarely the monotonic clock was read', async () => {
    const here = await ready({ maxStaleness: '2s', ttl: '5m' })
    const there = await ready()
    await here.users.getOrSet('1', () => 'old')
    await at.run(here.cache.sync())
    for (let ms = 0; ms < 880; ms += 40) {
      await at.runtime.advance(40)
      expect(await here.users.getOrSet('1', () => 'no')).toBe('old')
    }
    await there.users.delete('1')
    await at.runtime.advance(3_600_000)
    at.runtime.stepClocks(-3_600_300)

    expect(await at.run(here.users.getOrSet('1', () => 'new'))).toBe('new')
    expect(here.of('clock_back')).toHaveLength(1)
  })

  it('takes back every proof, and proves again by one poll', async () => {
    const { cache, kafka } = await ready()
    const before = kafka.calls.offsets
    at.runtime.stepClocks(-1)

    expect(cache.freshness()).toMatchObject({ proved: false, ageMs: Infinity })
    await at.run(cache.sync())
    expect(cache.freshness()).toMatchObject({ proved: true, ageMs: 0 })
    expect(kafka.calls.offsets).toBe(before + 1)
  })

  it('drops every value, because its TTL may be over, and says so', async () => {
    const { users, cache, of } = await ready({ ttl: '1m', maxStaleness: '1h' })
    await users.getOrSet('1', () => 'x')
    await at.runtime.advance(61_000)
    at.runtime.stepClocks(-61_001)
    await at.run(cache.sync())

    expect(await users.getEntry('1')).toMatchObject({ state: 'miss' })
    expect(of('drop')).toEqual([{ type: 'drop', namespace: 'users', key: '1', reason: 'clock' }])
    expect(of('clock_back')).toEqual([{ type: 'clock_back', backMs: 1 }])
    expect(cache.stats()).toMatchObject({ entries: 0, bytes: 0 })
  })

  it('holds no value whose load began before', async () => {
    const { users, of } = await ready({ ttl: '1m' })
    const row = deferred<string>()
    const read = users.getEntry('1', () => row.promise)
    await at.runtime.advance(100)
    at.runtime.stepClocks(-101)
    row.resolve('x')

    expect(await read).toMatchObject({ value: 'x', stored: false })
    expect(users.peek('1')).toBeUndefined()
    expect(of('refuse').at(-1)).toMatchObject({ reason: 'expired' })
  })

  it('shares no load that began before', async () => {
    const { users, cache } = await ready()
    const row = deferred<string>()
    const early = users.getOrSet('1', () => row.promise)
    await at.runtime.advance(1900)
    at.runtime.stepClocks(-2000)
    await at.run(cache.sync())

    expect(await at.run(users.getOrSet('1', () => 'new'))).toBe('new')
    row.resolve('old')
    expect(await early).toBe('old')
  })

  it('is proved by no poll that began before', async () => {
    const { cache, kafka } = await ready()
    await at.runtime.advance(2000)
    const offsets = kafka.offsets.bind(kafka)
    kafka.offsets = async (...call) => {
      const bounds = await offsets(...call)
      at.runtime.stepClocks(-10_000)
      // The cache notices the step while the poll is under way.
      expect(cache.freshness()).toMatchObject({ proved: false })
      return bounds
    }
    await at.run(cache.sync())
    expect(cache.freshness()).toMatchObject({ proved: false, ageMs: Infinity })

    kafka.offsets = offsets
    await at.run(cache.sync())
    expect(cache.freshness()).toMatchObject({ proved: true })
  })

  it('goes on as before, however often they step back', async () => {
    const { users, cache } = await ready({ ttl: '1m' })
    for (let turn = 0; turn < 20; turn++) {
      at.runtime.stepClocks(-3_600_000)
      await at.run(users.getOrSet('1', () => `${turn}`))
      await at.run(cache.sync())
      expect(await at.run(users.getOrSet('1', () => `${turn}`))).toBe(`${turn}`)
      expect(users.peek('1')).toBe(`${turn}`)
      await at.runtime.advance(500)
      expect(users.peek('1')).toBe(`${turn}`)
    }
    await at.runtime.advance(60_000)
    expect(await at.run(users.getOrSet('1', () => 'after its TTL'))).toBe('after its TTL')
  })

  it('waits no longer for an intent, or for a source to settle, than time passes', async () => {
    const here = await ready({ settle: '2s' })
    await here.users.delete('1')
    at.runtime.stepClocks(-3_600_000)
    await at.run(here.cache.sync())
    await at.runtime.advance(2500)
    await at.run(here.cache.sync())
    await at.run(here.users.getOrSet('1', () => 'x'))
    expect(here.users.peek('1')).toBe('x')
  })

  it('keeps its values where the wall clock alone steps back: the other one has counted', async () => {
    const { users, of } = await ready({ ttl: '1m' })
    await users.getOrSet('1', () => 'x')
    at.runtime.stepWall(-3_600_000)
    await at.runtime.advance(500)

    expect(users.peek('1')).toBe('x')
    expect(of('clock_back')).toEqual([])
  })
})

describe('the time of a cache whose clocks step back together', () => {
  it('goes forward, and every earlier reading is older than the next one', () => {
    const runtime = fakeRuntime()
    const clock = new Clock(runtime)
    runtime.stepClocks(5000)
    const before = clock.now()
    runtime.stepClocks(-1)
    const after = clock.now()

    expect(after).toBeGreaterThan(before)
    expect(clock.unknownBefore).toBe(after)
  })

  it('counts by the monotonic clock no less and no more than passes between the steps', async () => {
    const runtime = fakeRuntime()
    const clock = new Clock(runtime)
    const began = clock.monotonic()
    await runtime.advance(1000)
    expect(clock.monotonic() - began).toBe(1000)
    runtime.stepClocks(-400)
    expect(clock.monotonic() - began).toBe(1000)
    await runtime.advance(500)
    expect(clock.monotonic() - began).toBe(1500)
  })

  it('knows of each step below the last reading, by whichever look, and never goes back', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 3000 }) }),
      fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 50 }) }),
      fc.record({ kind: fc.constant('stepClocks' as const), ms: fc.integer({ min: -5000, max: 5000 }) }),
      fc.record({ kind: fc.constant('stepClocks' as const), ms: fc.integer({ min: -100, max: 0 }) }),
    )
    const look = fc.constantFrom('now' as const, 'turn' as const, 'turn' as const)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(step, look), { maxLength: 60 }), async (steps) => {
        const runtime = fakeRuntime()
        let times = 0
        const clock = new Clock(runtime, () => void times++)
        let last = clock.now()
        let shown = runtime.now()
        for (const [{ kind, ms }, by] of steps) {
          await runtime[kind](ms)
          await runtime.settle()
          const timesBefore = times
          const now = clock[by]()
          expect(now).toBeGreaterThanOrEqual(last)
          const backMs = shown - runtime.now()
          // Within the rounding of the two clocks either is right.
          if (backMs > 2) expect(times - timesBefore).toBe(1)
          else if (backMs <= 0) expect(times - timesBefore).toBe(0)
          if (times > timesBefore) expect(clock.unknownBefore).toBeGreaterThan(last)
          last = now
          shown = runtime.now()
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('takes no step of the wall clock alone for one of both', async () => {
    const runtime = fakeRuntime()
    let times = 0
    const clock = new Clock(runtime, () => void times++)
    for (let each = 0; each < 200; each++) {
      await runtime.advance(20)
      clock.turn()
      await runtime.settle()
      if (each % 10 === 0) runtime.stepWall(-50)
    }
    expect(times).toBe(0)
  })
})
