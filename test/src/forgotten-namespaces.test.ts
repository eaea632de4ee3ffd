/** A namespace that has given up its place: no eviction reaches it any more, so it must serve nothing of its own. */
import { beforeEach, describe, expect, it } from 'vitest'
import { partsOfCache } from '../../src/write/cache-parts.ts'
import { deferred, readyIn, world } from './world.ts'
import type { World } from './world.ts'

let at: World
beforeEach(() => {
  at = world()
})

describe('a namespace that is forgotten', () => {
  it('drops what it held, and gives the room back', async () => {
    const { cache, users } = await readyIn(at)
    await users.getOrSet('1', () => 'x')
    expect(cache.stats().entries).toBe(1)
    partsOfCache(cache).forget('users')
    expect(cache.stats()).toMatchObject({ entries: 0, bytes: 0 })
    expect(users.peek('1')).toBeUndefined()
  })

  it('holds nothing for those who still have it in hand', async () => {
    const { cache, users, of } = await readyIn(at)
    partsOfCache(cache).forget('users')
    const other = await readyIn(at)
    expect(await at.run(users.getOrSet('1', () => 'old'))).toBe('old')
    await at.run(other.users.delete('1'))
    await at.run(cache.sync())
    expect(await at.run(users.getOrSet('1', () => 'new'))).toBe('new')
    await at.run(users.set('2', 'set'))
    expect(await at.run(users.get('2'))).toBeUndefined()
    expect(of('refuse').map(({ reason }) => reason)).toEqual(['horizon', 'horizon', 'horizon'])
    expect(cache.stats().entries).toBe(0)
  })

  it('keeps no load that was under way, and shares none with those who come later', async () => {
    const { cache, users } = await readyIn(at)
    const slow = deferred<string>()
    const first = users.getOrSet('1', () => slow.promise)
    await at.runtime.settle()
    partsOfCache(cache).forget('users')
    const other = await readyIn(at)
    await at.run(other.users.delete('1'))
    await at.run(cache.sync())
    expect(await at.run(users.getOrSet('1', () => 'new'))).toBe('new')
    slow.resolve('old')
    expect(await at.run(first)).toBe('old')
    expect(users.peek('1')).toBeUndefined()
  })

  it('can be declared anew, and evictions reach it again', async () => {
    const { cache } = await readyIn(at)
    partsOfCache(cache).forget('users')
    const users = cache.namespace<string>('users', { ttl: '1m' })
    await at.run(users.getOrSet('1', () => 'x'))
    expect(users.peek('1')).toBe('x')
    const other = await readyIn(at)
    await at.run(other.users.delete('1'))
    await at.run(cache.sync())
    expect(users.peek('1')).toBeUndefined()
  })

  it('leaves no trace, however many there were', async () => {
    const { cache } = await readyIn(at)
    for (let n = 0; n < 3000; n++) {
      await cache.namespace<string>(`ns${n}`).getOrSet('k', () => 'x')
      partsOfCache(cache).forget(`ns${n}`)
    }
    expect([...partsOfCache(cache).stores.keys()]).toEqual(['users'])
    const { targets } = partsOfCache(cache).context.follower.partition(0)
    expect([...targets].map(({ name }) => name)).toEqual(['users'])
  })

  it('that was never declared is no error', async () => {
    const { cache } = await readyIn(at)
    expect(() => partsOfCache(cache).forget('nobody')).not.toThrow()
  })
})
