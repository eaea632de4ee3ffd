import { beforeEach, describe, expect, it } from 'vitest'
import { KedgeError } from '../../../src/index.ts'
import type { CacheOptions } from '../../../src/index.ts'
import { EvictionTable } from '../../../src/coherence/eviction-table.ts'
import { memory, memoryTier } from '../../../src/testing/index.ts'
import { Partition } from '../../../src/coherence/partition.ts'
import type { EvictionTarget } from '../../../src/coherence/partition.ts'
import { lookBack } from '../../../src/coherence/look-back.ts'
import { cacheSettings } from '../../../src/api/settings.ts'
import { world } from '../world.ts'
import type { World } from '../world.ts'
import { writeBehind, writeIntents } from '../../../src/write-paths/index.ts'
import { sharedTier } from '../../../src/tier/index.ts'
import type { SharedTierOptions } from '../../../src/tier/index.ts'

const TOPIC = 'cache-evictions'
let at: World

beforeEach(() => {
  at = world()
})

const append = (count: number) => {
  for (let n = 0; n < count; n++)
    at.log.append(TOPIC, { key: null, value: new TextEncoder().encode(`{"key":"k${n}"}`) })
}

/** A target that records the calls it gets. */
function listener(name: string) {
  const told: unknown[][] = []
  const tell =
    (what: string) =>
    (...args: unknown[]) =>
      void told.push([what, ...args])
  const target: EvictionTarget = {
    name,
    evictKey: tell('key'),
    evictTag: tell('tag'),
    evictPrefix: tell('prefix'),
    evictAll: tell('all'),
    intends: tell('intends'),
    closes: tell('closes'),
    remembers: tell('remembers'),
    reanchor: tell('reanchor'),
    extend: tell('extend'),
    forgetAges: tell('forgetAges'),
    dropPossiblyEvicted: tell('dropPossiblyEvicted'),
  }
  return { target, told }
}

function stage(size: number) {
  append(size)
  const records = at.log.offsets(TOPIC, 0).end
  const kafka = memory({ on: at.log, runtime: at.runtime })
  const settings = cacheSettings({ kafka, runtime: at.runtime })
  const partition = new Partition(0)
  partition.reanchor({ partition: 0, beginning: 0, end: records })
  const { target, told } = listener('users')
  partition.join(target)
  const back = (count: number, beginning = 0) =>
    at.run(lookBack(settings, partition, beginning, count, new AbortController().signal))
  return { partition, told, back, kafka }
}

describe('looking back', () => {
  it('applies so many evictions before the position, then says from where on they are known', async () => {
    append(4)
    await at.runtime.advance(60_000)
    const { told, back } = stage(1)
    // Our clock is not the one by which records are dated.
    at.runtime.stepWall(3_600_000)
    expect(await back(2)).toBe(true)
    expect(told).toEqual([
      ['key', 'k3', 3, { resets: true }],
      ['key', 'k0', 4, { resets: true }],
      ['extend', 3],
      ['remembers', 55_000],
    ])
  })

  it('knows all there ever was when it has come to the first record', async () => {
    const { told, back } = stage(2)
    await back(10)
    expect(told.slice(-2)).toEqual([
      ['extend', 0],
      ['remembers', Infinity],
    ])
  })

  it('leaves to the next poll what has come since', async () => {
    const { partition, told, back } = stage(2)
    append(1)
    await back(10)
    expect(told.filter(([what]) => what === 'key').map(([, , offset]) => offset)).toEqual([0, 1])
    expect(partition.position).toBe(2)
  })

  it('goes no further back than retention', async () => {
    const { told, back } = stage(5)
    at.log.truncate(TOPIC, 0, 4)
    await back(10, 4)
    expect(told[0]).toEqual(['key', 'k4', 4, { resets: true }])
    expect(told.filter(([what]) => what === 'extend')).toEqual([['extend', 4]])
  })

  it('lowers no horizon when a resync came meanwhile', async () => {
    const { partition, told, back, kafka } = stage(5)
    kafka.pause()
    const lookedBack = back(2)
    await at.runtime.settle()
    partition.reanchor({ partition: 0, beginning: 0, end: 5 })
    kafka.resume()
    await lookedBack
    expect(told.filter(([what]) => what === 'extend')).toEqual([])
  })
})

describe('a cache with a tier', () => {
  const tiered = (options: SharedTierOptions = {}) => ({
    use: [sharedTier(memoryTier({ runtime: at.runtime }), options)],
  })
  const calls = async (options: Partial<CacheOptions>) => {
    append(5)
    const { cache, kafka } = at.isolate(options)
    cache.namespace('users')
    await at.run(cache.sync())
    return { cache, kafka, reads: kafka.calls.read }
  }

  it('looks back once, when it meets the log', async () => {
    const { cache, kafka, reads } = await calls(tiered())
    expect(reads).toBe(1)
    await at.run(cache.sync())
    expect(kafka.calls.read).toBe(1)
  })

  it('looks back again for a namespace that is declared later', async () => {
    const { cache, kafka } = await calls(tiered())
    cache.namespace('orders')
    await at.run(cache.sync())
    expect(kafka.calls.read).toBe(2)
  })

  it('does not look back under `lookBack: 0`, nor without a tier', async () => {
    expect((await calls(tiered({ lookBack: 0 }))).reads).toBe(0)
    expect((await calls({})).reads).toBe(0)
  })

  it('proves its freshness although looking back fails, or hangs', async () => {
    append(5)
    const failing = at.isolate(tiered())
    failing.cache.namespace('users')
    failing.kafka.fail(new KedgeError('ERR_NETWORK', 'reset'), { on: 'read' })
    expect(await at.run(failing.cache.sync())).toMatchObject({ proved: true })
    expect(failing.of('background_error')).toHaveLength(1)
  })

  it('tries again, with growing pauses and not for ever, where looking back fails', async () => {
    append(5)
    const { cache, kafka } = at.isolate(tiered())
    cache.namespace('users')
    kafka.fail(new KedgeError('ERR_NETWORK', 'reset'), { on: 'read' })
    await at.run(cache.sync())
    await at.run(cache.sync())
    expect(kafka.calls.read).toBe(1)
    await at.runtime.advance(500)
    await at.run(cache.sync())
    expect(kafka.calls.read).toBe(2)
    for (let minutes = 0; minutes < 20; minutes++) {
      await at.runtime.advance(60_000)
      await at.run(cache.sync())
    }
    expect(kafka.calls.read).toBe(8)
  })

  it('takes an answer without records for none', async () => {
    append(5)
    const { cache, kafka } = at.isolate({ ...tiered(), pollTimeout: '10s' })
    cache.namespace('users')
    const read = kafka.read.bind(kafka)
    let empty = 5
    Object.assign(kafka, {
      read: (...args: Parameters<typeof read>) =>
        empty-- > 0 ? Promise.resolve({ records: [], next: args[1], outOfRange: [] }) : read(...args),
    })
    await at.run(cache.sync())
    expect(kafka.calls.read).toBe(0)
    await at.runtime.advance(500)
    await at.run(cache.sync())
    expect(kafka.calls.read).toBe(1)
  })
})

describe('a write behind that was there before is known', () => {
  const announcing = { use: [writeIntents({ namespaces: ['users'] })] }
  const written = async () => {
    const { cache } = at.isolate({ ttl: '1h', ...announcing })
    const users = cache.namespace<string>('users')
    await at.run(cache.sync())
    return at.run(writeBehind(users, '7', 'new'))
  }

  it('to an isolate whose namespace alone has intents', async () => {
    const after = await written()
    const users = at.isolate(announcing).cache.namespace<string>('users')
    expect(await at.run(users.getOrSet('7', () => 'old', { after }))).toBe('new')
  })

  it('to a namespace that is declared after the first contact with the log', async () => {
    const after = await written()
    const { cache } = at.isolate(announcing)
    cache.namespace('orders')
    await at.run(cache.sync())
    const users = cache.namespace<string>('users')
    expect(await at.run(users.getOrSet('7', () => 'old', { after }))).toBe('new')
  })

  it('to an isolate that could not look back at once', async () => {
    const after = await written()
    const { cache, kafka } = at.isolate(announcing)
    const users = cache.namespace<string>('users')
    kafka.fail(new KedgeError('ERR_NETWORK', 'reset'), { on: 'read', times: 1 })
    await at.run(cache.sync())
    expect(await at.run(users.getOrSet('7', () => 'old', { after }))).toBe('old')
    expect(users.peek('7')).toBeUndefined()
    await at.runtime.advance(3000)
    expect(await at.run(users.getOrSet('7', () => 'old', { after }))).toBe('new')
  })

  it('to a request whose poll overtakes the one that looks back', async () => {
    at = world({ isolatesRequests: true })
    const after = await written()
    const { cache, kafka } = at.isolate(announcing)
    const users = cache.namespace<string>('users')
    const read = kafka.read.bind(kafka)
    let slow = true
    Object.assign(kafka, {
      read: async (...args: Parameters<typeof read>) => {
        if (slow) {
          slow = false
          await at.runtime.sleep(450)
        }
        return read(...args)
      },
    })
    const first = users.getOrSet('7', () => 'old', { after })
    await at.runtime.advance(260)
    const second = users.getOrSet('7', () => 'old', { after })
    expect([await at.run(first), await at.run(second)]).toEqual(['new', 'new'])
  })
})

it('a table extends no further than it has forgotten', () => {
  const table = new EvictionTable({
    onMark: () => undefined,
    horizon: 10,
    maxMarks: 2,
    dropGroupKilled: () => undefined,
    onHorizon: () => undefined,
  })
  for (const offset of [3, 4, 5]) table.evictKey(`k${offset}`, offset, 0)
  table.extend(3)
  expect(table.horizon).toBe(5)
  expect(table.refuses('x', { asOf: 4, tags: undefined, version: undefined })).toBe('horizon')
  expect(table.refuses('x', { asOf: 4, tags: undefined, version: undefined, knownTo: 5 })).toBeUndefined()
  expect(table.refuses('k5', { asOf: 4, tags: undefined, version: undefined, knownTo: 5 })).toBe('fenced')
})
