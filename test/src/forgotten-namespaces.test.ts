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

  describe('and declared anew, while a writer has it in hand', () => {
    async function both() {
      const here = await readyIn(at)
      const { cache, users: before } = here
      partsOfCache(cache).forget('users')
      const after = cache.namespace<string>('users', { ttl: '1m' })
      await at.run(after.getOrSet('1', () => 'old'))
      await at.run(after.getOrSet('2', () => 'other'))
      expect(after.peek('1')).toBe('old')
      return { ...here, before, after }
    }

    it('is evicted by what that writer has written, before any poll', async () => {
      const { before, after, kafka } = await both()
      const { read } = kafka.calls
      await at.run(before.delete('1'))
      expect([after.peek('1'), after.peek('2')]).toEqual([undefined, 'other'])
      expect(kafka.calls.read).toBe(read)
      expect(await at.run(after.getOrSet('1', () => 'new'))).toBe('new')
      await at.run(before.clear())
      expect(after.peek('2')).toBeUndefined()
    })

    it('holds no load that was under way when that writer evicted', async () => {
      const { before, after } = await both()
      const slow = deferred<string>()
      const loading = after.getOrSet('3', () => slow.promise)
      await at.runtime.settle()
      await at.run(before.delete('3'))
      slow.resolve('old')
      await at.run(loading)
      expect(after.peek('3')).toBeUndefined()
      expect(await at.run(after.getOrSet('3', () => 'new'))).toBe('new')
    })

    it('is doubted, with its loads, where the eviction of that writer has no answer', async () => {
      const { before, after, kafka } = await both()
      const slow = deferred<string>()
      const loading = after.getOrSet('3', () => slow.promise)
      await at.runtime.settle()
      kafka.fail(new TypeError('no'), { on: 'produce' })
      await expect(at.run(before.delete(['1', '3']))).rejects.toThrow()
      expect([after.peek('1'), after.peek('2')]).toEqual([undefined, 'other'])
      slow.resolve('old')
      await at.run(loading)
      expect(after.peek('3')).toBeUndefined()
    })
  })

  it('is cleared with the cache where it was declared meanwhile', async () => {
    const { cache } = await readyIn(at, {}, { latency: 20 })
    const clearing = cache.clear()
    partsOfCache(cache).forget('users')
    const users = cache.namespace<string>('users', { ttl: '1m' })
    const late = cache.namespace<string>('late', { ttl: '1m' })
    await users.getOrSet('1', () => 'old')
    await late.getOrSet('1', () => 'old')
    await at.run(clearing)
    expect([users.peek('1'), late.peek('1')]).toEqual([undefined, undefined])
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
