import { cachified } from '@epic-web/cachified'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type CachifiedEntry, cachifiedCache } from '../../../adapters/frameworks/cachified.ts'
import { deferred } from '../../src/world.ts'
import { isolates } from './world.ts'

async function pair() {
  const [here, there] = await isolates<CachifiedEntry>()
  return { here, there, cache: cachifiedCache(here.space), other: cachifiedCache(there.space) }
}

// Both clocks stand still until a test says otherwise; timers are the platform's own.
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'performance'] }))
afterEach(() => void vi.useRealTimers())

describe('cachified over a namespace', () => {
  it('loads once and serves what is held', async () => {
    const { cache } = await pair()
    let loads = 0
    const read = () => cachified({ cache, key: 'k', ttl: 60_000, getFreshValue: () => ++loads })
    expect([await read(), await read(), await read()]).toEqual([1, 1, 1])
  })

  it('holds what was loaded where the clock ticks between the call and the read', async () => {
    const { cache } = await pair()
    // A tick, but not a long pause, may fall in between: cachified takes its time before that tick.
    const ticking = { ...cache, get: (key: string) => (vi.advanceTimersByTime(1), cache.get(key)) }
    let loads = 0
    const read = () =>
      cachified({ cache: ticking as typeof cache, key: 'k', ttl: 60_000, getFreshValue: () => ++loads })
    expect([await read(), await read()]).toEqual([1, 1])
  })

  it('loads again after an eviction from elsewhere', async () => {
    const { here, there, cache } = await pair()
    let loads = 0
    const read = () => cachified({ cache, key: 'k', ttl: 60_000, getFreshValue: () => ++loads })
    await read()
    await there.space.delete('k')
    await here.catchUp()
    expect([await read(), await read()]).toEqual([2, 2])
  })

  it('does not hold what was loaded across an eviction', async () => {
    const { there, here, cache } = await pair()
    const gate = deferred<string>()
    const first = cachified({ cache, key: 'k', ttl: 60_000, getFreshValue: () => gate.promise })
    await new Promise((resolve) => setImmediate(resolve))
    await there.space.delete('k')
    await here.catchUp()
    gate.resolve('old')
    expect(await first).toBe('old')
    expect(await cachified({ cache, key: 'k', ttl: 60_000, getFreshValue: () => 'new' })).toBe('new')
  })

  it('holds what is loaded after a load that failed', async () => {
    const { cache } = await pair()
    const failing = cachified({ cache, key: 'k', getFreshValue: () => Promise.reject(new Error('down')) })
    await expect(failing).rejects.toThrow('down')
    expect(await cachified({ cache, key: 'k', getFreshValue: () => 1 })).toBe(1)
    expect(await cachified({ cache, key: 'k', getFreshValue: () => 2 })).toBe(1)
  })

  it('serves a stale value while it loads again, where the cache keeps it for that', async () => {
    const { here } = await pair()
    const cache = cachifiedCache(here.space, { swr: '1m' })
    let loads = 0
    const options = { cache, key: 'k', ttl: 100, swr: 60_000, getFreshValue: () => ++loads }
    expect(await cachified(options)).toBe(1)
    vi.advanceTimersByTime(120)
    let refreshed: Promise<unknown> | undefined
    expect(await cachified({ ...options, waitUntil: (work) => void (refreshed = work) })).toBe(1)
    await refreshed
    await new Promise((resolve) => setImmediate(resolve))
    expect(await cachified(options)).toBe(2)
  })

  it('evicts everywhere when it deletes', async () => {
    const { cache, other, there } = await pair()
    await cachified({ cache: other, key: 'k', getFreshValue: () => 'old' })
    await cache.delete('k')
    await there.catchUp()
    expect(await other.get('k')).toBeUndefined()
  })

  it('keeps nothing that cachified says is not to be kept', async () => {
    const { cache } = await pair()
    await cachified({ cache, key: 'k', ttl: -1, getFreshValue: () => 1 })
    expect(await cachified({ cache, key: 'k', getFreshValue: () => 2 })).toBe(2)
  })

  it.each([
    [{ maxTtl: 0 }, '`maxTtl`'],
    [{ ttl: 5 }, '`ttl`'],
    [{ name: 7 }, '`name`'],
  ])('refuses the options %o', async (options, quoted) => {
    const { here } = await pair()
    expect(() => cachifiedCache(here.space, options as never)).toThrow(TypeError)
    expect(() => cachifiedCache(here.space, options as never)).toThrow(quoted)
  })
})
