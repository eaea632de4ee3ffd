/** What a message may say is bounded: not every writer of the log means well. */
import { beforeEach, describe, expect, it } from 'vitest'
import { world } from '../world.ts'
import type { World } from '../world.ts'
import type { CacheOptions, NamespaceOptions } from '../../../src/index.ts'
import { replicate } from '../../../src/replicate/index.ts'
import type { ReplicateOptions } from '../../../src/replicate/index.ts'
import { memoryTier } from '../../../src/testing/index.ts'
import { sharedTier } from '../../../src/tier/index.ts'

const DAY = 86_400_000
let at: World
beforeEach(() => {
  at = world()
})

const utf8 = (text: string) => new TextEncoder().encode(text)
const append = (topic: string, key: string | Uint8Array | null, message: object) =>
  at.log.append(topic, {
    key: typeof key === 'string' ? utf8(key) : key,
    value: utf8(JSON.stringify(message)),
  })
const update = (key: string | Uint8Array | null, message: object) => append('cache-updates', key, message)
const evict = (key: string | null, message: object) => append('cache-evictions', key, message)
const put = (more: object = {}) => ({
  v: 1,
  op: 'put',
  ns: 'users',
  key: '1',
  value: 'put',
  ttl: 60_000,
  at: at.runtime.now(),
  asOf: 0,
  ...more,
})

async function reader(
  of: NamespaceOptions<string> = {},
  options: Partial<CacheOptions> = {},
  sharing: ReplicateOptions = {},
) {
  const made = at.isolate({ use: [replicate({ share: false, ...sharing })], ...options })
  const users = made.cache.namespace<string>('users', of)
  const orders = made.cache.namespace<string>('orders')
  await at.run(made.cache.sync())
  return { ...made, users, orders, sync: () => at.run(made.cache.sync()) }
}

describe('the TTL of a value from the log', () => {
  const ttlOf = async (
    message: object,
    of: NamespaceOptions<string> = {},
    options: Partial<CacheOptions> = {},
  ) => {
    const { users, sync } = await reader(of, options, { acceptSimpleValues: ['users'] })
    update('users/1', message)
    await sync()
    return (await at.run(users.getEntry('1'))).ttlMs
  }

  it('is the one that it names, up to a day', async () => {
    expect(await ttlOf(put({ ttl: 60_000 }))).toBe(60_000)
    expect(await ttlOf(put({ ttl: DAY }))).toBe(DAY)
  })

  it.each([1e300, 2 ** 40, DAY + 1])(
    'is a day at most where the namespace keeps values for minutes: %s',
    async (ttl) => {
      expect(await ttlOf(put({ ttl }))).toBe(DAY)
    },
  )

  it('is ten times that of the namespace at most where that is more than a day', async () => {
    expect(await ttlOf(put({ ttl: 1e300 }), { ttl: '1d' })).toBe(10 * DAY)
    expect(await ttlOf(put({ ttl: 1e300 }), { ttl: (value) => (value === 'put' ? '2d' : '1m') })).toBe(
      20 * DAY,
    )
  })

  it('is at most `maxTtl` of the namespace, or of the cache', async () => {
    expect(await ttlOf(put({ ttl: DAY }), { maxTtl: '1h' })).toBe(3_600_000)
    expect(await ttlOf(put({ ttl: DAY }), {}, { maxTtl: '2h' })).toBe(7_200_000)
    expect(await ttlOf(put({ ttl: DAY }), { maxTtl: '1h' }, { maxTtl: '2h' })).toBe(3_600_000)
    expect(await ttlOf(put({ ttl: 30 * DAY }), { maxTtl: '20d' })).toBe(20 * DAY)
  })

  it('is bounded in a simple message, and in the values of a domain, too', async () => {
    expect(await ttlOf({ key: '1', ns: 'users', value: 'x', ttl: '365d' })).toBe(DAY)
    const { users, sync } = await reader()
    const values = [{ key: '2', value: 'x', ttl: 1e300 }]
    update('users#d', { v: 1, op: 'puts', ns: 'users', domain: 'd', values, at: at.runtime.now(), asOf: 0 })
    await sync()
    expect((await at.run(users.getEntry('2'))).ttlMs).toBe(DAY)
  })

  it('does not shorten what this isolate loads or sets itself', async () => {
    const { users } = await reader({ maxTtl: '1m' })
    await at.run(users.set('1', 'own', { ttl: '2d' }))
    expect((await at.run(users.getEntry('1'))).ttlMs).toBe(2 * DAY)
    await at.run(users.getOrSet('2', () => 'own', { ttl: '3d' }))
    expect((await at.run(users.getEntry('2'))).ttlMs).toBe(3 * DAY)
  })

  it('is bounded for a value from a shared tier', async () => {
    const tier = memoryTier({ runtime: at.runtime })
    const isolate = (of: NamespaceOptions<string>) =>
      reader(of, { use: [sharedTier(memoryTier({ on: tier.store, runtime: at.runtime }))] })
    const one = await isolate({ ttl: '10d' })
    await at.run(one.users.getOrSet('1', () => 'tiered'))
    await at.runtime.settle()
    const two = await isolate({ ttl: '1m' })
    expect(await at.run(two.users.getEntry('1'))).toMatchObject({ value: 'tiered', from: 'tier', ttlMs: DAY })
  })

  it('has a bound that must be a duration', () => {
    for (const maxTtl of [-1, 'long', null] as never[]) {
      expect(() => at.isolate({ maxTtl })).toThrow('`maxTtl`')
      expect(() => at.isolate().cache.namespace('users', { maxTtl })).toThrow('`maxTtl`')
    }
  })
})

describe('an update under the record key of another entry', () => {
  it.each([
    ['another key', 'users/2'],
    ['another namespace', 'orders/1'],
    ['a namespace alone', 'users'],
    ['a domain', 'users#1'],
    ['no text', Uint8Array.of(0xff, 0xfe)],
  ])('is refused, counted, and drops both: %s', async (_, key) => {
    const { users, orders, sync, cache, of } = await reader()
    await at.run(Promise.all(['1', '2', '3'].map((each) => users.set(each, 'held'))))
    await at.run(orders.set('1', 'held'))
    const before = cache.stats().refused
    update(key, put({ value: 'forged', asOf: 4 }))
    await sync()
    expect(users.peek('1')).toBeUndefined()
    expect(users.peek('2')).toBe(key === 'users/2' ? undefined : 'held')
    expect(orders.peek('1')).toBe(key === 'orders/1' ? undefined : 'held')
    expect(users.peek('3')).toBe('held')
    expect(cache.stats().refused).toBe(before + 1)
    expect(of('unreadable')).toMatchObject([{ topic: 'cache-updates', offset: 0 }])
  })

  it('is refused also where it deletes, which then drops what is newer, too', async () => {
    const { users, sync, of } = await reader()
    await at.run(users.set('1', 'held'))
    update('users/2', { v: 1, op: 'del', ns: 'users', key: '1', asOf: 0 })
    await sync()
    expect(users.peek('1')).toBeUndefined()
    expect(of('unreadable')).toHaveLength(1)
  })

  it('is refused where it is a simple message, or one of a domain', async () => {
    const { users, sync, of } = await reader({}, {}, { acceptSimpleValues: ['users'] })
    update('users/2', { key: '1', ns: 'users', value: 'forged' })
    const values = [{ key: '3', value: 'forged', ttl: 1000 }]
    update('users#x', { v: 1, op: 'puts', ns: 'users', domain: 'd', values, at: at.runtime.now(), asOf: 0 })
    await sync()
    expect(users.peek('1')).toBeUndefined()
    expect(users.peek('3')).toBeUndefined()
    expect(of('unreadable')).toHaveLength(2)
  })

  it('is held where the key is its own, or there is none', async () => {
    const { users, sync, of } = await reader({}, {}, { acceptSimpleValues: ['users'] })
    update('users/1', put())
    update(null, put({ key: '2' }))
    update('users/3', { key: '3', ns: 'users', value: 'simple' })
    update('3/4', { key: '3/4', ns: 'users', value: 'simple' })
    update('a key of the service', { key: '5', ns: 'users', value: 'simple' })
    await sync()
    expect(['1', '2', '3', '3/4', '5'].map((key) => users.peek(key))).toEqual([
      'put',
      'put',
      'simple',
      'simple',
      'simple',
    ])
    expect(of('unreadable')).toEqual([])
  })
})

describe('an eviction under the name of another namespace', () => {
  it.each([
    ['of keys', { op: 'evict', keys: ['1'] }],
    ['of tags', { op: 'evict', tags: ['red'] }],
    ['of prefixes', { op: 'evict', prefixes: ['1'] }],
    ['of all', { op: 'clear' }],
    ['that announces a write', { op: 'intent', keys: ['1'], id: 'x', ttl: 1000 }],
  ])('evicts what it says, the other namespace, and nothing less: %s', async (_, message) => {
    const { users, orders, sync, cache, of } = await reader()
    const carts = cache.namespace<string>('carts')
    await at.run(users.set('1', 'held', { tags: ['red'] }))
    await at.run(orders.set('1', 'held'))
    await at.run(carts.set('1', 'held'))
    const before = cache.stats().refused
    evict('orders', { v: 1, ns: 'users', ...message })
    await sync()
    expect(users.peek('1')).toBeUndefined()
    expect(orders.peek('1')).toBeUndefined()
    expect(carts.peek('1')).toBe('held')
    expect(cache.stats().refused).toBe(before + 1)
    expect(of('unreadable')).toMatchObject([{ topic: 'cache-evictions' }])
  })

  it('is an eviction like any other under its own, under none, and under what is no namespace here', async () => {
    const { users, orders, sync, of } = await reader()
    await at.run(orders.set('1', 'held'))
    for (const key of ['users', null, '1', 'invoices']) {
      await at.run(users.set('1', 'held'))
      await at.run(users.set('2', 'held'))
      evict(key, { v: 1, op: 'evict', ns: 'users', keys: ['1'] })
      await sync()
      expect(users.peek('1')).toBeUndefined()
      expect(users.peek('2')).toBe('held')
    }
    expect(orders.peek('1')).toBe('held')
    expect(of('unreadable')).toEqual([])
  })
})
