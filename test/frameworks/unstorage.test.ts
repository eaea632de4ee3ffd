import { createStorage } from 'unstorage'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { unstorageDriver, type UnstorageDriverOptions, type UnstorageItem } from '../../adapters/unstorage.ts'
import { isolates } from './world.ts'

async function pair(options: UnstorageDriverOptions = {}) {
  const [here, there] = await isolates<UnstorageItem>()
  const over = (space: typeof here.space) => createStorage({ driver: unstorageDriver(space, options) })
  return { here, there, storage: over(here.space), other: over(there.space) }
}

// Both clocks stand still until a test says otherwise; timers are the platform's own.
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'performance'] }))
afterEach(() => void vi.useRealTimers())

describe('unstorage over a namespace', () => {
  it('gets what was set', async () => {
    const { storage } = await pair()
    await storage.setItem('a:b', { n: 1 })
    expect(await storage.getItem('a:b')).toEqual({ n: 1 })
    expect([await storage.hasItem('a:b'), await storage.hasItem('a:c')]).toEqual([true, false])
    expect(await storage.getItem('a:c')).toBeNull()
  })

  it('evicts what others hold when it sets, removes or clears', async () => {
    const { storage, other, there } = await pair()
    for (const end of [
      () => storage.setItem('a:b', 'new'),
      () => storage.removeItem('a:b'),
      () => storage.getMount().driver.clear?.('a:', {}),
      () => storage.clear(),
    ]) {
      await other.setItem('a:b', 'old')
      await end()
      await there.catchUp()
      expect(await other.getItem('a:b')).toBeNull()
    }
  })

  it('forgets a value when its TTL, in seconds, has passed', async () => {
    const { storage } = await pair()
    await storage.setItem('a', 'x', { ttl: 0.005 })
    vi.advanceTimersByTime(20)
    expect(await storage.getItem('a')).toBeNull()
  })

  it('as a place for what was loaded, evicts nothing when it is filled', async () => {
    const { storage, other, there } = await pair({ set: 'fill' })
    for (const each of [other, storage]) {
      expect(await each.getItem('page')).toBeNull()
      await each.setItem('page', '<p>')
    }
    await there.catchUp()
    expect(await other.getItem('page')).toBe('<p>')
  })

  it('as a place for what was loaded, does not hold what an eviction has overtaken', async () => {
    const { storage, there, here } = await pair({ set: 'fill' })
    expect(await storage.getItem('page')).toBeNull()
    await there.space.delete('page')
    await here.catchUp()
    await storage.setItem('page', 'old')
    expect(await storage.getItem('page')).toBeNull()
    await storage.setItem('page', 'new', { ttl: 60 })
    expect(await storage.getItem('page')).toBe('new')
  })

  it('as a place for what was loaded, takes nothing that nobody has looked for', async () => {
    const { storage } = await pair({ set: 'fill' })
    await storage.setItem('page', 'from nowhere')
    expect(await storage.getItem('page')).toBeNull()
  })

  it.each([
    [{ set: 'both' }, '`set`'],
    [{ base: 'x' }, '`base`'],
  ])('refuses the options %o', async (options, quoted) => {
    const { here } = await pair()
    expect(() => unstorageDriver(here.space, options as never)).toThrow(quoted)
  })
})
