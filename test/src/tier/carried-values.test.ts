/** Values of a shared tier that is not what it seems: which of its claims the cache uses. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { Tier, TierAnswer } from '../../../src/index.ts'
import { memory, memoryTier } from '../../../src/testing/index.ts'
import type { MemoryOptions } from '../../../src/testing/index.ts'
import { createTierFollower } from '../../../services/sync/tier-follower.ts'
import { deferred, readyIn, world } from '../world.ts'
import type { World } from '../world.ts'
import { sharedTier } from '../../../src/tier/index.ts'
import type { SharedTierOptions } from '../../../src/tier/index.ts'

const TOPIC = 'cache-evictions'
let at: World
beforeEach(() => {
  at = world()
})

const utf8 = (text: string) => new TextEncoder().encode(text)
const beats = (count: number) => {
  for (let n = 0; n < count; n++) at.log.append(TOPIC, { key: null, value: utf8('{"v":1,"op":"beat"}') })
}
const logId = () => at.log.offsets(TOPIC, 0).logId

const packed = (value: string, asOf: number, more: object = {}) =>
  utf8(
    JSON.stringify({
      v: 1,
      op: 'put',
      ns: 'users',
      key: '1',
      value,
      ttl: 60_000,
      at: at.runtime.now(),
      asOf,
      ...more,
    }),
  )

/** A tier that has one value, and claims of it what the test sets. */
function teller(said: {
  bytes: Uint8Array
  asOf: number
  covered?: boolean
  applied?: TierAnswer['applied']
}) {
  const deleted: number[] = []
  const { bytes, asOf, covered = false, applied } = said
  const tier: Tier = {
    name: 'teller',
    getMany: async () => ({ items: new Map([['1', { bytes, asOf, covered }]]), applied }),
    setMany: async () => undefined,
    deleteMany: async (_place, _keys, offset) => void deleted.push(offset),
  }
  return { tier, deleted }
}

const ready = (tier: Tier, options: SharedTierOptions = {}, kafka: MemoryOptions = {}) =>
  readyIn(at, { use: [sharedTier(tier, { lookBack: 0, ...options })] }, kafka)

describe('a value of the tier', () => {
  it('is used where its as-of is in reach', async () => {
    beats(5)
    const { users } = await ready(teller({ bytes: packed('Ada', 5), asOf: 5 }).tier)
    expect(await at.run(users.getEntry('1', () => 'x'))).toMatchObject({ value: 'Ada', from: 'tier' })
  })

  it('is not judged by what the tier has applied of another log', async () => {
    beats(5)
    const said = { bytes: packed('old', 3), asOf: 3, covered: true }
    const { users } = await ready(teller({ ...said, applied: { position: 5, logId: 'another' } }).tier)
    expect(await at.run(users.getOrSet('1', () => 'new'))).toBe('new')
    const same = await ready(teller({ ...said, applied: { position: 5, logId: logId() } }).tier)
    expect(await at.run(same.users.getOrSet('1', () => 'new'))).toBe('old')
  })

  it('is not judged by a tier that is ahead of a log without identity', async () => {
    beats(5)
    const said = { bytes: packed('old', 3), asOf: 3, covered: true }
    const nameless = { capabilities: { identity: false } } as const
    const ahead = teller({ ...said, applied: { position: 6, logId: undefined } }).tier
    const { users } = await ready(ahead, {}, nameless)
    expect(await at.run(users.getOrSet('1', () => 'new'))).toBe('new')
    const level = teller({ ...said, applied: { position: 5, logId: undefined } }).tier
    const other = await ready(level, {}, nameless)
    expect(await at.run(other.users.getOrSet('1', () => 'new'))).toBe('old')
  })

  it('is refused where its two as-ofs differ', async () => {
    beats(5)
    const { users } = await ready(teller({ bytes: packed('old', 5), asOf: 4 }).tier)
    expect(await at.run(users.getOrSet('1', () => 'new'))).toBe('new')
  })

  it.each([{ key: '2' }, { ns: 'orders' }])('is refused where it is of %o', async (whose) => {
    beats(5)
    const { users } = await ready(teller({ bytes: packed('of another', 5, whose), asOf: 5 }).tier)
    expect(await at.run(users.getOrSet('1', () => 'own'))).toBe('own')
  })

  it('is held only when freshness is proved', async () => {
    const { tier } = teller({ bytes: packed('old', 0), asOf: 0 })
    const { users, kafka } = await ready(tier)
    const there = await ready(memoryTier({ runtime: at.runtime }))
    await at.runtime.advance(5000)
    await at.run(there.users.delete('1'))
    const offsets = kafka.offsets.bind(kafka)
    kafka.offsets = async (...args) => {
      await at.runtime.sleep(50)
      return offsets(...args)
    }
    expect(await at.run(users.getEntry('1', () => 'new'))).toMatchObject({ value: 'new', from: 'loader' })
  })

  it('does not take the place of what the source has answered meanwhile', async () => {
    const { tier } = teller({ bytes: packed('of the tier', 0), asOf: 0 })
    const { users, kafka, cache } = await ready(tier, { timeout: 20 })
    await at.runtime.advance(5000)
    const offsets = kafka.offsets.bind(kafka)
    kafka.offsets = async (...args) => {
      await at.runtime.sleep(200)
      return offsets(...args)
    }
    expect(await at.run(users.getOrSet('1', () => 'of the source'))).toBe('of the source')
    await at.runtime.advance(1000)
    kafka.offsets = offsets
    await at.run(cache.sync())
    expect(users.peek('1')).toBe('of the source')
  })

  it('has the as-of from the start of its load, also where its eviction is known already', async () => {
    const { store } = memoryTier({ runtime: at.runtime })
    const own = () => memoryTier({ runtime: at.runtime, on: store })
    const here = await ready(own())
    const there = await ready(memoryTier({ runtime: at.runtime }))
    const row = deferred<string>()
    const load = here.users.getOrSet('1', () => row.promise)
    await at.runtime.settle()
    await at.run(there.users.delete('1'))
    const read = here.kafka.read.bind(here.kafka)
    const held = deferred<void>()
    here.kafka.read = async (...args) => {
      await held.promise
      return read(...args)
    }
    const poll = here.cache.sync()
    await at.runtime.settle()
    row.resolve('old')
    await at.run(load)
    await at.runtime.settle()
    const other = await ready(own(), { lookBack: 100 })
    expect(await at.run(other.users.getOrSet('1', () => 'new'))).toBe('new')
    held.resolve()
    await at.run(poll)
  })

  it('is removed by an eviction only where it is older', async () => {
    beats(5)
    const { tier, deleted } = teller({ bytes: packed('Ada', 5), asOf: 5 })
    const { users } = await ready(tier)
    await at.run(users.delete('1'))
    await at.runtime.settle()
    expect(deleted).toEqual([5])
  })
})

describe('an applier', () => {
  const follower = (tier: Tier) =>
    createTierFollower({ kafka: memory({ on: at.log, runtime: at.runtime }), tier, runtime: at.runtime })

  it('begins again where the store was wiped while it read', async () => {
    beats(1)
    const tier = memoryTier({ runtime: at.runtime })
    const wiping: Tier = {
      ...tier,
      applier: {
        ...tier.applier,
        apply: async (...args) => {
          tier.store.wipe()
          return tier.applier.apply(...args)
        },
      },
    }
    await at.run(follower(wiping).step())
    beats(1)
    expect(await at.run(follower(wiping).step())).toMatchObject({ begun: [0] })
    expect(tier.store.position(0)).toEqual({ position: 2, logId: logId() })
  })

  it.each([
    ['a prefix', { v: 1, op: 'evict', ns: 'users', prefixes: ['1'] }, null],
    ['what cannot be read, whose key names a namespace', { of: 'nobody' }, 'users'],
  ])('applies the eviction of %s', async (_, message, key) => {
    const tier = memoryTier({ runtime: at.runtime })
    at.log.createTopic(TOPIC, { partitions: 1 })
    const applier = follower(tier)
    await at.run(applier.step())
    const place = { namespace: 'users', partition: 0, logId: logId() }
    const rest = { asOf: 0, version: undefined, ttlMs: 60_000 }
    tier.store.setMany(place, [{ key: '1', bytes: packed('old', 0), ...rest }])
    expect(tier.store.getMany(place, ['1']).items.size).toBe(1)
    at.log.append(TOPIC, { key: key === null ? null : utf8(key), value: utf8(JSON.stringify(message)) })
    await at.run(applier.step())
    expect(tier.store.getMany(place, ['1']).items.size).toBe(0)
  })
})
