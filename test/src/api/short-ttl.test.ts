/** `ttl: 300` is 0.3 s: an event says so, once for each namespace. */
import { describe, expect, it } from 'vitest'
import type { CacheOptions, Duration, Namespace, NamespaceOptions } from '../../../src/index.ts'
import { readyIn, world } from '../world.ts'
import { setMany, writeThrough } from '../../../src/write-paths/index.ts'

const MESSAGE = "ttl is 300 milliseconds: write '300s' if seconds were meant, and '300ms' if not"

function declared(cacheOptions: Partial<CacheOptions>, options: NamespaceOptions<string> = {}) {
  const isolate = world().isolate(cacheOptions)
  isolate.cache.namespace<string>('users', options)
  return isolate.of('short_ttl')
}

describe('short_ttl', () => {
  it('comes when a namespace is declared with one, or takes it from its cache', () => {
    const said = [{ type: 'short_ttl', namespace: 'users', ttlMs: 300, message: MESSAGE }]
    expect(declared({}, { ttl: 300 })).toEqual(said)
    expect(declared({ ttl: 300 })).toEqual(said)
  })

  it.each<Duration>([0, 1000, 300_000, '300ms', '5m', '0.5s'])('does not come for %j', (ttl) => {
    expect(declared({}, { ttl })).toEqual([])
    expect(declared({ ttl })).toEqual([])
  })

  it('comes once for each namespace', () => {
    const { cache, of } = world().isolate({ ttl: 60 })
    for (const name of ['a', 'b']) for (let n = 0; n < 3; n++) cache.namespace(name)
    expect(of('short_ttl').map(({ namespace }) => namespace)).toEqual(['a', 'b'])
  })

  it.each<[string, (users: Namespace<string>) => Promise<unknown>]>([
    ['getOrSet', (users) => users.getOrSet('k', () => 'v', { ttl: 300 })],
    ['getOrSet, as a function', (users) => users.getOrSet('k', () => 'v', { ttl: () => 300 })],
    ['set', (users) => users.set('k', 'v', { ttl: 300 })],
    ['setMany', (users) => setMany(users, { k: 'v' }, { ttl: 300 })],
    ['writeThrough', (users) => writeThrough(users, 'k', 'v', async () => ({}), { ttl: 300, intent: false })],
  ])('comes with the first call that says it: %s', async (_, call) => {
    const at = world()
    const { users, of } = await readyIn(at)
    expect(of('short_ttl')).toEqual([])
    await at.run(call(users))
    await at.run(call(users))
    expect(of('short_ttl')).toMatchObject([{ namespace: 'users', ttlMs: 300 }])
  })

  it('changes nothing: the value lives for so many milliseconds', async () => {
    const at = world()
    const { users } = await readyIn(at)
    await at.run(users.set('k', 'v', { ttl: 300 }))
    await at.runtime.advance(299)
    expect(users.peek('k')).toBe('v')
    await at.runtime.advance(1)
    expect(users.peek('k')).toBeUndefined()
  })
})
