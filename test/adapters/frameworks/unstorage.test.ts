import { createStorage } from 'unstorage'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  unstorageDriver,
  type UnstorageDriverOptions,
  type UnstorageItem,
} from '../../../adapters/frameworks/unstorage.ts'
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

  it.each([
    ['a', ['a', 'ab', 'ab:c', 'b']],
    ['a:', ['a', 'ab', 'ab:c', 'b']],
    ['/a//b/', ['a', 'a:x', 'ab', 'ab:c', 'b']],
    ['a:b?q', ['a', 'a:x', 'ab', 'ab:c', 'b']],
    ['', []],
    [undefined, []],
    [':', []],
  ])('clears what lies below the base %j, and nothing beside it', async (base, left) => {
    const { storage, other, there } = await pair()
    const keys = ['a', 'a:b:c', 'a:x', 'ab', 'ab:c', 'b']
    for (const key of keys) await other.setItem(key, 'x')
    await storage.getMount().driver.clear?.(base!, {})
    await there.catchUp()
    const held = await Promise.all(keys.map(async (key) => ((await other.hasItem(key)) ? [key] : [])))
    expect(held.flat()).toEqual(left)
  })

  it('clears by unstorage what is mounted at the base or below it, each mount as a whole', async () => {
    const [here, there] = await isolates<UnstorageItem>()
    const storage = createStorage()
    storage.mount('cache', unstorageDriver(here.space))
    storage.mount('cache:deep', unstorageDriver(there.space))
    const fill = async () => {
      for (const key of ['cache:a:b', 'cache:c', 'cache:deep:d']) await storage.setItem(key, 'x')
    }
    const held = async () =>
      Promise.all(['cache:a:b', 'cache:c', 'cache:deep:d'].map((key) => storage.hasItem(key)))
    await fill()
    // Below a mount unstorage 1 asks no driver: what our page says of it.
    await storage.clear('cache:a')
    expect(await held()).toEqual([true, true, true])
    await storage.clear('cache:deep')
    expect(await held()).toEqual([true, true, false])
    await fill()
    await storage.clear('cache')
    expect(await held()).toEqual([false, false, false])
    await fill()
    await storage.clear()
    expect(await held()).toEqual([false, false, false])
  })

  it('sets and gets many, raw bytes and what is said about a value; lists nothing', async () => {
    const { storage } = await pair()
    await storage.setItems([
      { key: 'a', value: 1 },
      { key: 'b', value: { n: 2 } },
    ] as { key: string; value: never }[])
    expect(await storage.getItems(['a', 'b', 'c'])).toEqual([
      { key: 'a', value: 1 },
      { key: 'b', value: { n: 2 } },
      { key: 'c', value: null },
    ])
    await storage.setItemRaw('raw', Uint8Array.of(0, 255))
    expect([...((await storage.getItemRaw('raw')) as Uint8Array)]).toEqual([0, 255])
    await storage.setMeta('a', { mtime: new Date(0) })
    expect(await storage.getMeta('a')).toEqual({ mtime: new Date(0) })
    await storage.removeItem('a', { removeMeta: true })
    expect([await storage.hasItem('a'), await storage.getMeta('a'), await storage.getKeys()]).toEqual([
      false,
      {},
      [],
    ])
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

  it('as a place for loaded values, refuses a value whose key was not read before', async () => {
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
