import { AsyncLocalStorage } from 'node:async_hooks'
import { beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { KedgeError } from '../../../src/index.ts'
import type { CacheOptions, Runtime, Tier } from '../../../src/index.ts'
import { memory, memoryTier } from '../../../src/testing/index.ts'
import type { MemoryTier, MemoryTierOptions } from '../../../src/testing/index.ts'
import { createTierFollower } from '../../../services/sync/tier-follower.ts'
import { deferred, request, source, world } from '../world.ts'
import type { World } from '../world.ts'
import { sharedTier } from '../../../src/tier/index.ts'
import type { SharedTierOptions } from '../../../src/tier/index.ts'
import { writeIntents } from '../../../src/write-paths/index.ts'

const TOPIC = 'cache-evictions'
const PLACE = { namespace: 'users', partition: 0, logId: undefined }

let at: World
let tier: MemoryTier

beforeEach(() => {
  at = world()
  tier = memoryTier({ runtime: at.runtime })
})

/** An isolate with a client of its own, on the store of `tier`. */
async function isolate(
  options: SharedTierOptions = {},
  tierOptions: MemoryTierOptions = {},
  { use = [], ...cacheOptions }: Partial<CacheOptions> = {},
) {
  const own = memoryTier({ on: tier.store, runtime: at.runtime, ...tierOptions })
  const made = at.isolate({ use: [sharedTier(own, options), ...use], ...cacheOptions })
  return { ...made, tier: own, users: made.cache.namespace<string>('users') }
}

async function ready(...[options, tierOptions, cacheOptions]: Parameters<typeof isolate>) {
  const made = await isolate(options, tierOptions, cacheOptions)
  await at.run(made.cache.sync())
  return made
}

/** Evictions of keys that no isolate has, so that the log goes on. */
const others = (count: number) => {
  for (let n = 0; n < count; n++)
    at.log.append(TOPIC, { key: null, value: new TextEncoder().encode(`{"key":"other ${n}"}`) })
}

const follower = () =>
  createTierFollower({
    kafka: memory({ on: at.log, runtime: at.runtime }),
    tier: memoryTier({ on: tier.store, runtime: at.runtime }),
    runtime: at.runtime,
  })

/** The value in the tier, as text. */
const stored = (key: string): string | undefined => {
  const item = tier.store.getMany(PLACE, [key]).items.get(key)
  return item && (JSON.parse(new TextDecoder().decode(item.bytes)) as { value: string }).value
}

describe('a value that one isolate has loaded', () => {
  it('is taken from the tier by another, which holds it', async () => {
    const one = await ready()
    const two = await ready()
    const rows = source({ '1': 'Ada' })
    await at.run(one.users.getOrSet('1', rows.load))
    await at.runtime.settle()
    expect(await at.run(two.users.getEntry('1', rows.load))).toMatchObject({
      value: 'Ada',
      state: 'fresh',
      cached: true,
      stored: true,
      from: 'tier',
    })
    expect(await two.users.getEntry('1')).toMatchObject({ value: 'Ada', from: 'memory' })
    expect(rows.reads).toBe(1)
    expect(two.cache.stats()).toMatchObject({ tierHits: 1, tierMisses: 0, loads: 0, tierState: 'closed' })
  })

  it('is found by a read that loads nothing', async () => {
    const one = await ready()
    const two = await ready()
    await at.run(one.users.getOrSetMany(['1', '2'], async () => ({ '1': 'Ada', '2': 'Bob' })))
    await at.runtime.settle()
    expect(await at.run(two.users.get('1'))).toBe('Ada')
    expect(await at.run(two.users.getMany(['3', '2', '1']))).toEqual(
      new Map([
        ['2', 'Bob'],
        ['1', 'Ada'],
      ]),
    )
    expect(await at.run(two.users.getEntry('4'))).toMatchObject({ state: 'miss', value: undefined })
  })

  it('is asked for with all others of a batch in one call, and only what is missing is loaded', async () => {
    const one = await ready()
    const two = await ready()
    await at.run(one.users.getOrSetMany(['1', '2'], async () => ({ '1': 'Ada', '2': 'Bob' })))
    await at.runtime.settle()
    expect(one.tier.calls).toMatchObject({ getMany: 1, setMany: 1 })
    const asked: (readonly string[])[] = []
    const found = await at.run(
      two.users.getOrSetMany(['1', '2', '3'], async (keys) => {
        asked.push(keys)
        return { '3': 'Cy' }
      }),
    )
    expect([...found]).toEqual([
      ['1', 'Ada'],
      ['2', 'Bob'],
      ['3', 'Cy'],
    ])
    expect(asked).toEqual([['3']])
    expect(two.tier.calls.getMany).toBe(1)
    expect(two.of('load')).toMatchObject([{ keys: ['3'] }])
  })

  it('lives no longer there than it would here', async () => {
    const one = await ready()
    const two = await ready()
    const rows = source({ '1': 'Ada' })
    await at.run(one.users.getOrSet('1', rows.load, { ttl: '10s' }))
    await at.runtime.advance(6000)
    expect(await at.run(two.users.getEntry('1', rows.load))).toMatchObject({
      from: 'tier',
      ageMs: 6000,
      ttlMs: 4000,
    })
    await at.runtime.advance(4000)
    expect(await at.run(two.users.getEntry('1', rows.load))).toMatchObject({ from: 'loader' })
  })

  it.each([
    ['the namespace says so', {}, { without: ['sharedTier'] }],
    ['the tier is for other namespaces', { namespaces: ['users'] }, {}],
    ['the tier is for others by a function', { namespaces: (name: string) => name === 'users' }, {}],
  ])('stays out of the tier where %s', async (_, options, namespace) => {
    const { cache, tier: own, users } = await ready(options)
    const hidden = cache.namespace<string>('private', namespace)
    await at.run(hidden.getOrSet('1', async () => 'Ada'))
    await at.run(hidden.set('2', 'Bob'))
    await at.run(hidden.delete('1'))
    await at.runtime.settle()
    expect(own.calls).toMatchObject({ getMany: 0, setMany: 0, deleteMany: 0 })
    await at.run(users.getOrSet('1', async () => 'Ada'))
    expect(own.calls).toMatchObject({ getMany: 1, setMany: 1 })
  })

  it('stays out of the tier when it is not held', async () => {
    const one = await ready()
    const gate = deferred<string>()
    const load = one.users.getOrSet('1', () => gate.promise)
    await at.runtime.settle()
    await at.run(one.users.delete('1'))
    gate.resolve('old')
    expect(await at.run(load)).toBe('old')
    await at.runtime.settle()
    expect(one.tier.calls.setMany).toBe(0)
  })

  it('brings its tags with it', async () => {
    const one = await ready()
    const two = await ready()
    await at.run(one.users.getOrSet('1', async () => 'Ada', { tags: ['team:7'] }))
    await at.run(two.users.get('1'))
    await at.run(two.users.invalidateTags('team:7'))
    expect(two.users.peek('1')).toBeUndefined()
  })
})

describe('a value that was set', () => {
  it('is in the tier for others, and outlives its own eviction there', async () => {
    await at.run(follower().step())
    const one = await ready()
    await at.run(one.users.set('1', 'Ada'))
    await at.runtime.settle()
    await at.run(follower().step())
    const two = await ready({ lookBack: 0 })
    expect(await at.run(two.users.getEntry('1'))).toMatchObject({ value: 'Ada', from: 'tier' })
  })

  it('of the higher version stays, in whatever order they arrive', async () => {
    const one = await ready()
    await at.run(one.users.set('1', 'v2', { version: 2 }))
    await expect(at.run(one.users.set('1', 'v1', { version: 1 }))).rejects.toThrow('version 2')
    await at.runtime.settle()
    expect(stored('1')).toBe('v2')
  })
})

describe('an eviction', () => {
  it('removes its keys from the tier in the background, and does not wait for it', async () => {
    const one = await ready()
    await at.run(one.users.getOrSet('1', async () => 'Ada'))
    await at.runtime.settle()
    expect(stored('1')).toBe('Ada')
    one.tier.pause()
    const context = request()
    await at.run(one.users.for(context).delete('1'))
    expect(stored('1')).toBe('Ada')
    one.tier.resume()
    await at.run(Promise.all(context.work))
    expect(stored('1')).toBeUndefined()
  })

  it('that the tier failed to apply kills its value here, by the evictions that this isolate knows', async () => {
    const one = await ready()
    const two = await ready()
    await at.run(one.users.getOrSet('1', async () => 'old'))
    await at.runtime.settle()
    one.tier.fail(new KedgeError('ERR_NETWORK', 'reset'), { on: 'deleteMany' })
    await at.run(one.users.delete('1'))
    expect(one.of('tier')).toMatchObject([
      { operation: 'get' },
      { operation: 'set' },
      { operation: 'delete', error: { code: 'ERR_NETWORK' } },
    ])
    await at.run(two.cache.sync())
    expect(await at.run(two.users.getEntry('1', async () => 'new'))).toMatchObject({
      value: 'new',
      from: 'loader',
    })
    expect(two.of('refuse')).toMatchObject([{ key: '1', reason: 'fenced' }])
    expect(two.cache.stats()).toMatchObject({ tierHits: 0, tierMisses: 1, tierRefused: 1 })
  })

  it('that arrives while the tier is asked kills what it returns', async () => {
    const one = await ready()
    const two = await ready({ timeout: 400 }, { latency: 100 })
    await at.run(one.users.getOrSet('1', async () => 'old'))
    await at.runtime.settle()
    const read = two.users.getEntry('1', async () => 'new')
    await at.runtime.advance(150)
    await at.run(two.users.delete('1'), 10)
    expect(await at.run(read)).toMatchObject({ value: 'new', from: 'loader' })
  })

  it('whose fate is unknown keeps what the tier is asked for meanwhile from being held', async () => {
    const one = await ready()
    const two = await ready({ timeout: 400 }, { latency: 100 })
    await at.run(one.users.getOrSet('1', async () => 'old'))
    await at.runtime.settle()
    const read = two.users.getEntry('1', async () => 'new')
    await at.runtime.settle()
    two.kafka.fail(new KedgeError('ERR_NETWORK', 'reset'), { on: 'produce' })
    await expect(at.run(two.users.delete('1'), 100)).rejects.toMatchObject({ code: 'ERR_PUBLISH' })
    expect(await at.run(read)).toMatchObject({ value: 'new', from: 'loader', stored: false })
  })
})

describe('the carrier rule', () => {
  it('refuses a value whose as-of is below the horizon of this isolate', async () => {
    const one = await ready()
    await at.run(one.users.getOrSet('1', async () => 'old'))
    await at.runtime.settle()
    others(5)
    const cold = await ready({ lookBack: 0 })
    expect(await at.run(cold.users.getEntry('1', async () => 'new'))).toMatchObject({ from: 'loader' })
    expect(cold.of('refuse')).toMatchObject([{ key: '1', reason: 'horizon' }])
  })

  it('takes it where the tier has applied every eviction since', async () => {
    await at.run(follower().step())
    const one = await ready()
    await at.run(one.users.getOrSet('1', async () => 'Ada'))
    await at.runtime.settle()
    others(5)
    await at.run(follower().step())
    const cold = await ready({ lookBack: 0 })
    expect(await at.run(cold.users.getEntry('1', async () => 'new'))).toMatchObject({
      value: 'Ada',
      from: 'tier',
    })
  })

  it('refuses it where the tier lags', async () => {
    await at.run(follower().step())
    const one = await ready()
    await at.run(one.users.getOrSet('1', async () => 'Ada'))
    await at.runtime.settle()
    others(5)
    const cold = await ready({ lookBack: 0 })
    expect(await at.run(cold.users.getEntry('1', async () => 'new'))).toMatchObject({ from: 'loader' })
  })

  it('refuses it where it arrived after the tier had applied evictions', async () => {
    await at.run(follower().step())
    const one = await ready({}, { latency: () => late })
    let late = 0
    const write = one.users.getOrSet('1', async () => {
      late = 200
      return 'old'
    })
    await at.run(write, 10)
    others(2)
    at.log.append(TOPIC, { key: null, value: new TextEncoder().encode('{"key":"2"}') })
    await at.run(follower().step(), 100)
    await at.runtime.advance(1000)
    expect(tier.store.getMany(PLACE, ['1']).items.get('1')).toMatchObject({ covered: false })
    const cold = await ready({ lookBack: 0 })
    expect(await at.run(cold.users.getEntry('1', async () => 'new'))).toMatchObject({ from: 'loader' })
  })

  it('takes it where this isolate has looked back far enough', async () => {
    const one = await ready()
    await at.run(one.users.getOrSetMany(['1', '2'], async () => ({ '1': 'Ada', '2': 'Bob' })))
    await at.runtime.settle()
    one.tier.fail(new KedgeError('ERR_NETWORK', 'reset'))
    await at.run(one.users.delete('2'))
    others(5)
    const cold = await ready({ lookBack: 6 })
    expect(await at.run(cold.users.getEntry('1', async () => 'new'))).toMatchObject({
      value: 'Ada',
      from: 'tier',
    })
    expect(await at.run(cold.users.getEntry('2', async () => 'new'))).toMatchObject({
      value: 'new',
      from: 'loader',
    })
  })

  it('refuses a value of another log, whatever its position', async () => {
    const one = await ready()
    await at.run(one.users.set('0', 'zero'))
    await at.run(one.users.getOrSet('1', async () => 'old'))
    await at.runtime.settle()
    at.log.recreateTopic(TOPIC)
    others(1)
    const two = await ready()
    expect(await at.run(two.users.getEntry('1', async () => 'new'))).toMatchObject({ from: 'loader' })
    expect(two.of('refuse')).toMatchObject([{ key: '1', reason: 'unanchored' }])
  })

  it('refuses what is resynced over while the tier is asked', async () => {
    const one = await ready()
    await at.run(one.users.getOrSet('1', async () => 'old'))
    await at.runtime.settle()
    const two = await ready({ timeout: 450 }, { latency: 150 }, { maxCatchUpRecords: 2 })
    const read = two.users.getEntry('1', async () => 'new')
    await at.runtime.settle()
    others(10)
    await at.run(two.cache.sync(), 100)
    expect(two.of('reanchor')).toHaveLength(2)
    expect(await at.run(read)).toMatchObject({ value: 'new', from: 'loader' })
  })

  it('refuses values from a position that the log has not reached', async () => {
    const two = await ready()
    const value = {
      v: 1,
      op: 'put',
      ns: 'users',
      key: '1',
      value: 'future',
      ttl: 1000,
      at: at.runtime.now(),
      asOf: 9,
    }
    tier.store.plant(PLACE, '1', new TextEncoder().encode(JSON.stringify(value)), 9)
    expect(await at.run(two.users.getEntry('1', async () => 'new'))).toMatchObject({ from: 'loader' })
    expect(two.of('refuse')).toMatchObject([{ reason: 'unanchored' }])
  })

  it.each([
    ['garbage', 'garbage', 0],
    ['a simple message', '{"key":"1","value":"x","ttl":1000}', 0],
    [
      'a value of another key',
      '{"v":1,"op":"put","ns":"users","key":"2","value":"x","ttl":1000,"at":1,"asOf":0}',
      0,
    ],
    [
      'a value of another namespace',
      '{"v":1,"op":"put","ns":"x","key":"1","value":"x","ttl":1000,"at":1,"asOf":0}',
      0,
    ],
    [
      'a value with two positions',
      '{"v":1,"op":"put","ns":"users","key":"1","value":"x","ttl":1e9,"at":1,"asOf":0}',
      1,
    ],
    ['a deletion', '{"v":1,"op":"del","ns":"users","key":"1","asOf":0}', 0],
    [
      'a value of the schema of others',
      '{"v":1,"op":"put","ns":"users","key":"1","value":7,"ttl":1e15,"at":1,"asOf":0}',
      0,
    ],
  ])('refuses %s, and the value is loaded and mends it', async (_, text, asOf) => {
    others(1)
    const { cache } = await isolate()
    const users = cache.namespace<string>('users2', { schema: z.string() })
    await at.run(cache.sync())
    const place = { ...PLACE, namespace: 'users2' }
    tier.store.plant(place, '1', new TextEncoder().encode(text.replace('"users"', '"users2"')), asOf)
    expect(await at.run(users.getEntry('1', async () => 'loaded'))).toMatchObject({
      value: 'loaded',
      from: 'loader',
    })
    expect(cache.stats()).toMatchObject({ tierHits: 0, tierRefused: 1 })
    await at.runtime.settle()
    expect(tier.store.getMany(place, ['1']).items.get('1')?.asOf).toBe(1)
  })

  it.each([
    ['by looking back', 1000, false],
    ['by the applier', 1, true],
  ])('refuses a value under the intent of a writer that died: %s', async (_, lookBack, follows) => {
    await at.run(follower().step())
    const announcing = { use: [writeIntents({ max: '10s', lookBack: 0, namespaces: ['rows'] })] }
    const one = await isolate({}, {}, announcing)
    const rows = one.cache.namespace<string>('rows')
    await at.run(one.cache.sync())
    await at.run(rows.getOrSet('1', async () => 'old'))
    await at.runtime.settle()
    expect(one.tier.calls.setMany).toBe(1)
    const intent = { v: 1, op: 'intent', ns: 'rows', keys: ['1'], id: 'x', ttl: 10_000 }
    at.log.append(TOPIC, { key: null, value: new TextEncoder().encode(JSON.stringify(intent)) })
    others(2)
    if (follows) await at.run(follower().step())
    await at.runtime.advance(20_000)
    const cold = await isolate({ lookBack }, {}, announcing)
    const again = cold.cache.namespace<string>('rows')
    await at.run(cold.cache.sync())
    expect(await at.run(again.getEntry('1', async () => 'new'))).toMatchObject({
      value: 'new',
      from: 'loader',
    })
  })

  it('obeys settle: a value whose writer did not wait so long is refused', async () => {
    const hasty = await ready()
    const careful = await isolate()
    const users = careful.cache.namespace<string>('rows', { settle: '5s' })
    const rows = hasty.cache.namespace<string>('rows')
    await at.run(careful.cache.sync())
    await at.runtime.advance(6000)
    await at.run(careful.cache.sync())
    await at.run(rows.delete('1'))
    await at.run(rows.getOrSet('1', async () => 'of a replica that lags'))
    await at.run(careful.cache.sync())
    expect(await at.run(users.getEntry('1', async () => 'new'))).toMatchObject({ from: 'loader' })
    expect(careful.of('refuse').map(({ reason }) => reason)).toContain('settling')
  })

  it('obeys settle: a value whose writer waited as long is used, also by a new isolate', async () => {
    const one = await isolate()
    const rows = one.cache.namespace<string>('rows', { settle: '5s' })
    await at.run(one.cache.sync())
    await at.runtime.advance(6000)
    await at.run(one.cache.sync())
    await at.run(rows.getOrSet('1', async () => 'Ada'))
    await at.runtime.settle()
    const cold = await isolate()
    const again = cold.cache.namespace<string>('rows', { settle: '5s' })
    expect(await at.run(again.getEntry('1', async () => 'new'))).toMatchObject({ value: 'Ada', from: 'tier' })
  })
})

describe('the proof', () => {
  it('of a cold isolate is fetched beside the values', async () => {
    const one = await ready()
    await at.run(one.users.getOrSet('1', async () => 'Ada'))
    await at.runtime.settle()
    const cold = await isolate({ timeout: 400 }, { latency: 50 })
    const read = cold.users.getEntry('1', async () => 'new')
    await at.runtime.advance(1)
    expect(cold.kafka.calls.offsets).toBe(1)
    expect(cold.tier.calls.getMany).toBe(1)
    expect(await at.run(read)).toMatchObject({ value: 'Ada', from: 'tier' })
  })

  it('is waited for no longer than the source takes, where the log is silent', async () => {
    const one = await ready()
    await at.run(one.users.getOrSet('1', async () => 'Ada'))
    await at.runtime.settle()
    const cold = await isolate()
    cold.kafka.pause()
    expect(
      await at.run(
        cold.users.getEntry('1', async () => 'new'),
        60,
      ),
    ).toMatchObject({ from: 'loader', stored: false })
  })

  it('bypasses the tier while the log is out of reach, whatever may be served from here', async () => {
    const one = await ready()
    await at.run(one.users.getOrSet('1', async () => 'Ada'))
    const two = await ready({}, {}, { onUnreachable: 'stale', maxOutage: '10s' })
    two.kafka.fail(new KedgeError('ERR_NETWORK', 'reset'))
    await at.runtime.advance(15_000)
    await at.run(two.cache.sync())
    const calls = two.tier.calls.getMany
    expect(await at.run(two.users.getEntry('1', async () => 'new'))).toMatchObject({
      value: 'new',
      from: 'loader',
    })
    expect(two.tier.calls.getMany).toBe(calls)
  })

  it('must have passed the token of the read', async () => {
    const one = await ready()
    const two = await ready()
    await at.run(one.users.getOrSet('1', async () => 'old'))
    await at.runtime.settle()
    one.tier.fail(new KedgeError('ERR_NETWORK', 'reset'))
    const token = await at.run(one.users.delete('1'))
    expect(await at.run(two.users.getOrSet('1', async () => 'new', { after: token }))).toBe('new')
    expect(two.tier.calls.getMany).toBe(1)
  })

  it('is that of each reader: one with a later token refuses what the call under way returns', async () => {
    const one = await ready()
    const two = await ready({ timeout: 450 }, { latency: 100 })
    await at.run(one.users.getOrSet('1', async () => 'old'))
    await at.runtime.settle()
    one.tier.fail(new KedgeError('ERR_NETWORK', 'reset'))
    const first = two.users.getEntry('1', async () => 'loaded by the first')
    await at.runtime.advance(10)
    const token = await at.run(one.users.delete('1'), 10)
    const second = two.users.getEntry('1', async () => 'new', { after: token })
    expect((await at.run(second)).value).toMatch(/^(new|loaded by the first)$/)
    expect((await at.run(first)).value).toMatch(/old|loaded|new/)
  })

  it('is enough for all waiting readers: they take the value from here', async () => {
    const one = await ready()
    const two = await ready({ timeout: 450 }, { latency: 100 })
    await at.run(one.users.getOrSet('1', async () => 'Ada'))
    await at.runtime.settle()
    const reads = [1, 2, 3].map(() => two.users.getEntry('1', async () => 'new'))
    const entries = await at.run(Promise.all(reads))
    expect(entries.map(({ value }) => value)).toEqual(['Ada', 'Ada', 'Ada'])
    expect(two.tier.calls.getMany).toBe(1)
    expect(two.cache.stats().loads).toBe(0)
  })
})

describe('a tier that fails', () => {
  const failure = new KedgeError('ERR_NETWORK', 'reset', { retryable: true })

  it('is a miss, counted and reported', async () => {
    const { users, tier: own, of, cache } = await ready()
    own.fail(failure)
    expect(await at.run(users.getOrSet('1', async () => 'Ada'))).toBe('Ada')
    await at.runtime.settle()
    expect(of('tier').map(({ operation, error }) => [operation, error])).toEqual([
      ['get', failure],
      ['set', failure],
    ])
    expect(cache.stats()).toMatchObject({ tierFailures: 2, tierMisses: 1 })
  })

  it('is not called after five failures in a row, and later tried again', async () => {
    const { users, tier: own, of, cache } = await ready()
    own.fail(failure, { on: 'getMany' })
    for (let n = 0; n < 8; n++) await at.run(users.get(`${n}`))
    expect(own.calls.getMany).toBe(5)
    expect(cache.stats().tierState).toBe('open')
    own.fail()
    await at.runtime.advance(1000)
    await at.run(users.get('9'))
    expect(own.calls.getMany).toBe(6)
    expect(of('tier_state').map(({ state }) => state)).toEqual(['open', 'half-open', 'closed'])
  })

  it('that is slow has the source asked beside it, and the faster one is used', async () => {
    const one = await ready()
    await at.run(one.users.getOrSet('1', async () => 'of the tier'))
    await at.runtime.settle()
    const slow = await ready({}, { latency: 100 })
    const load = async () => {
      await at.runtime.sleep(60)
      return 'of the source'
    }
    expect(await at.run(slow.users.getEntry('1', load))).toMatchObject({
      value: 'of the source',
      from: 'loader',
    })
    expect(slow.of('tier')).toMatchObject([{ operation: 'get', error: { code: 'ERR_TIMEOUT' } }])
    const other = await ready({}, { latency: 40 })
    const slower = async () => {
      await at.runtime.sleep(200)
      return 'of the source'
    }
    expect(await at.run(other.users.getEntry('1', slower))).toMatchObject({ from: 'tier' })
  })

  it('that is silent is given up', async () => {
    const { users, tier: own, of } = await ready({ hardTimeout: '300ms' })
    own.pause()
    const since = at.runtime.monotonic()
    expect(await at.run(users.get('1'))).toBeUndefined()
    expect(at.runtime.monotonic() - since).toBeLessThanOrEqual(310)
    expect(of('tier')).toMatchObject([{ durationMs: 300, error: { code: 'ERR_TIMEOUT' } }])
  })

  it('may still help when the source fails', async () => {
    const one = await ready()
    await at.run(one.users.getOrSet('1', async () => 'Ada'))
    await at.runtime.settle()
    const slow = await ready({}, { latency: 100 })
    const load = async (): Promise<string> => {
      throw new Error('the source is down')
    }
    expect(await at.run(slow.users.getEntry('1', load))).toMatchObject({ value: 'Ada', from: 'tier' })
    await expect(at.run(slow.users.getEntry('2', load))).rejects.toThrow('the source is down')
  })

  it('costs a reader that aborts nothing but its own read', async () => {
    const { users, tier: own, cache } = await ready()
    own.pause()
    const reason = new Error('enough')
    const controller = new AbortController()
    const reads = Array.from({ length: 6 }, (_, n) => users.get(`${n}`, { signal: controller.signal }))
    const settled = Promise.allSettled(reads)
    await at.runtime.advance(10)
    controller.abort(reason)
    expect(await at.run(settled)).toEqual(reads.map(() => ({ status: 'rejected', reason })))
    expect(cache.stats()).toMatchObject({ tierFailures: 0, tierState: 'closed' })
  })

  it('keeps no more than so many writes waiting', async () => {
    const { users, tier: own } = await ready({ hardTimeout: '60s' })
    own.pause()
    for (let n = 0; n < 100; n++) void users.set(`${n}`, 'value')
    await at.runtime.advance(100)
    expect(own.calls.setMany).toBe(64)
    own.resume()
  })
})

describe('where requests are isolated', () => {
  /** Timers of a request that is gone never fire, as in workerd. */
  const owners = new AsyncLocalStorage<{ gone: boolean }>()
  const mortal = (runtime: Runtime): Runtime => ({
    ...runtime,
    sleep: (ms, signal) => {
      const owner = owners.getStore()
      return new Promise((resolve, reject) => {
        runtime.sleep(ms, signal).then(
          () => owner?.gone || resolve(),
          (error: unknown) => owner?.gone || reject(error as Error),
        )
      })
    },
  })

  async function stage() {
    at = world({ isolatesRequests: true })
    tier = memoryTier({ runtime: at.runtime })
    const one = await ready()
    await at.run(one.users.getOrSet('1', async () => 'Ada'))
    await at.runtime.settle()
    const runtime = mortal(at.runtime)
    const own = memoryTier({ on: tier.store, runtime, latency: 100 })
    const two = at.isolate({ runtime, use: [sharedTier(own, { timeout: 450 })] })
    const users = two.cache.namespace<string>('users')
    await at.run(two.cache.sync())
    const ask = (load: () => Promise<string>) => {
      const owner = { gone: false }
      return { owner, answer: owners.run(owner, () => users.for(request()).getEntry('1', load)) }
    }
    return { ...two, own, ask }
  }

  it('a leader that vanishes while the tier is asked is replaced', async () => {
    const { ask, of } = await stage()
    const first = ask(async () => 'by the first')
    await at.runtime.advance(20)
    const second = ask(async () => 'by the second')
    first.owner.gone = true
    expect(await at.run(second.answer)).toMatchObject({ value: 'Ada', from: 'tier' })
    expect(of('takeover')).toHaveLength(1)
  })

  it('a reader that waits beside a leader takes what the leader has brought from here', async () => {
    const { ask, own, cache } = await stage()
    const answers = [1, 2, 3].map(() => ask(async () => 'loaded').answer)
    const entries = await at.run(Promise.all(answers))
    expect(entries.map(({ value, from }) => [value, from])).toEqual([
      ['Ada', 'tier'],
      ['Ada', 'memory'],
      ['Ada', 'memory'],
    ])
    expect(own.calls.getMany).toBe(1)
    expect(cache.stats().loads).toBe(0)
  })
})

describe('options of a tier', () => {
  it.each([
    [{ timeout: '1 hour' }, '`timeout`'],
    [{ hardTimeout: 0 }, '`hardTimeout`'],
    [{ breaker: { failures: 0 } }, '`breaker.failures`'],
    [{ breaker: { pause: 'x' } }, '`breaker.pause`'],
    [{ breaker: { pauses: 'x' } }, '`breaker.pauses` is not an option of sharedTier()'],
    [{ lookBack: -1 }, '`lookBack`'],
    [{ namespaces: 'users' }, '`namespaces`'],
    [{ tierTimeout: 1 }, '`tierTimeout` is not an option of sharedTier()'],
    [null, 'the options of sharedTier()'],
  ])('%o is refused', (options, quoted) => {
    const make = () => sharedTier(tier, options as SharedTierOptions)
    expect(make).toThrow(TypeError)
    expect(make).toThrow(quoted)
  })

  it.each([{}, null, undefined, 'redis', { getMany: () => undefined }])('%o is no tier', (wrong) => {
    const make = () => sharedTier(wrong as unknown as Tier)
    expect(make).toThrow(TypeError)
    expect(make).toThrow('`tier`')
  })

  it('closing the cache closes the tier', async () => {
    let closed = 0
    const { cache } = at.isolate({ use: [sharedTier({ ...tier, close: async () => void closed++ })] })
    await cache.close()
    expect(closed).toBe(1)
  })
})
