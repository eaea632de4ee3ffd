/** Bounds that another reader sampled: what a cache makes of their age. */
import { beforeEach, describe, expect, it } from 'vitest'
import { createCache } from '../../../src/index.ts'
import type { CacheOptions } from '../../../src/index.ts'
import type { KafkaLog, OffsetsOptions, PartitionOffsets } from '../../../src/ports/kafka-log.ts'
import { memory, MemoryLog } from '../../../src/testing/index.ts'
import { request, world } from '../world.ts'
import type { World } from '../world.ts'

let at: World
beforeEach(() => {
  at = world()
})

/** A log whose bounds are those of `ageMs` ago, where the call allows that. */
function sharing(options: Partial<CacheOptions> = {}) {
  const on = new MemoryLog()
  const inner = memory({ on, runtime: at.runtime })
  const asked: OffsetsOptions[] = []
  const settled: string[] = []
  const shares = { ageMs: 300, stored: undefined as PartitionOffsets[] | undefined }
  const kafka: KafkaLog = {
    ...inner,
    capabilities: { ...inner.capabilities, longPoll: false, shared: true },
    async offsets(topic, how = {}) {
      asked.push(how)
      const bounds = await inner.offsets(topic, how)
      const { stored, ageMs } = shares
      if (stored === undefined || ageMs > (how.maxAgeMs ?? 0)) return bounds
      return stored.map((bound) => ({ ...bound, ageMs }))
    },
    settled: async () => void settled.push('settled'),
  }
  const cache = createCache({
    kafka,
    runtime: at.runtime,
    maxStaleness: '2s',
    refreshAfter: '500ms',
    ...options,
  })
  const users = cache.namespace<string>('users')
  const other = createCache({ kafka: memory({ on, runtime: at.runtime }), runtime: at.runtime }).namespace(
    'users',
  )
  const sample = async () => (shares.stored = await inner.offsets('cache-evictions', { partitions: [0] }))
  const maxAges = () => asked.map(({ maxAgeMs }) => maxAgeMs)
  return { on, kafka, cache, users, other, shares, sample, asked, settled, maxAges }
}

async function warm(here: ReturnType<typeof sharing>) {
  await at.run(here.cache.sync())
  await at.run(here.users.getOrSet('1', () => 'old'))
  await here.sample()
  here.asked.length = 0
}

describe('a log that shares samples', () => {
  it.for([
    ['2s', '500ms', 750],
    // Not less, or nearly every poll asks.
    ['2s', '250ms', 500],
    // No more than two thirds of what is left of the promise.
    ['2s', '1s', 666],
    ['10s', '1s', 1500],
    ['600ms', '300ms', 200],
  ] as const)(
    'is asked, at %s and %s, for bounds that are at most %i ms old',
    async ([maxStaleness, refreshAfter, most]) => {
      const here = sharing({ maxStaleness, refreshAfter })
      await warm(here)
      await at.runtime.advance(1100)
      here.cache.for(request())
      await at.runtime.settle()
      expect(here.maxAges()).toEqual([most])
    },
  )

  it('is asked by the clock of the cache', async () => {
    const here = sharing()
    await warm(here)
    await at.runtime.advance(600)
    here.cache.for(request())
    await at.runtime.settle()
    expect(here.maxAges()).toEqual([750])
    expect(here.asked[0]!.clock!.now()).toBeGreaterThanOrEqual(600)
  })

  it('a proof is as old as its sample', async () => {
    const here = sharing()
    await warm(here)
    await at.runtime.advance(600)
    here.cache.for(request())
    await at.runtime.settle()
    expect(here.cache.freshness()).toMatchObject({ proved: true, ageMs: 300 })
    expect(here.cache.stats()).toMatchObject({ sharedPolls: 1 })
  })

  it('no read returns what was evicted after the sample for longer than maxStaleness', async () => {
    const here = sharing()
    await warm(here)
    here.shares.ageMs = 700
    await at.run(here.other.delete('1'))
    await at.runtime.advance(700)
    // The sample is older than the eviction, and says nothing of it.
    here.cache.for(request())
    await at.runtime.settle()
    expect(await at.run(here.users.get('1'))).toBe('old')
    here.shares.stored = undefined
    await at.runtime.advance(1301)
    expect(await at.run(here.users.get('1'))).toBeUndefined()
  })

  it('a request within refreshAfter of a shared proof asks for no other one, however old that is', async () => {
    const here = sharing()
    await warm(here)
    here.shares.ageMs = 900
    await at.runtime.advance(900)
    for (let time = 0; time < 5; time++) {
      here.cache.for(request())
      await at.runtime.advance(90)
    }
    expect(here.maxAges()).toEqual([750])
    await at.runtime.advance(100)
    here.cache.for(request())
    await at.runtime.settle()
    expect(here.maxAges()).toEqual([750, 750])
  })

  it('sync() takes no sample that is older than the call', async () => {
    const here = sharing()
    await warm(here)
    await at.run(here.other.delete('1'))
    expect(await at.run(here.cache.sync())).toMatchObject({ proved: true, ageMs: 0 })
    expect(here.maxAges()).toEqual([0])
    expect(await at.run(here.users.get('1'))).toBeUndefined()
  })

  it('sync() does not wait for a shared poll that is under way', async () => {
    const here = sharing()
    await warm(here)
    await at.runtime.advance(600)
    here.cache.for(request())
    expect(await at.run(here.cache.sync())).toMatchObject({ ageMs: 0 })
    expect(here.maxAges()).toEqual([750, 0])
  })

  it('with maxStaleness 0 no read takes a shared sample', async () => {
    const here = sharing({ maxStaleness: 0, refreshAfter: 0 })
    await warm(here)
    await at.run(here.other.delete('1'))
    expect(await at.run(here.users.get('1'))).toBeUndefined()
    expect(new Set(here.maxAges())).toEqual(new Set([0]))
  })

  it('a read with a token that lies beyond the shared end asks once more, for a sample of its own', async () => {
    const here = sharing()
    await warm(here)
    const token = await at.run(here.other.delete('1'))
    expect(await at.run(here.users.get('1', { after: token }))).toBeUndefined()
    expect(here.maxAges()).toEqual([750, 0])
  })

  it('a token of another log is not passed by a shared sample', async () => {
    const here = sharing()
    await warm(here)
    const elsewhere = sharing()
    // Once it has met its log, its tokens name that.
    await at.run(elsewhere.cache.sync())
    const token = await at.run(elsewhere.users.delete('1'))
    await at.run(here.users.get('1', { after: token }))
    expect(here.maxAges()).toEqual([750, 0])
  })

  const contradictions: Record<string, (bound: PartitionOffsets) => PartitionOffsets> = {
    'of another log': (bound) => ({ ...bound, logId: 'another' }),
    'without an identity': ({ partition, beginning, end }) => ({ partition, beginning, end }),
    'with an end before the position': (bound) => ({ ...bound, end: 0 }),
    'that begin after the position': (bound) => ({ ...bound, beginning: bound.end + 5, end: bound.end + 9 }),
    'further ahead than it would read': (bound) => ({ ...bound, end: bound.end + 20_000 }),
  }
  it.each(Object.keys(contradictions))(
    'shared bounds %s are asked for again, and drop nothing',
    async (kind) => {
      const here = sharing()
      await at.run(here.other.delete('2'))
      await warm(here)
      here.shares.stored = here.shares.stored!.map(contradictions[kind]!)
      await at.runtime.advance(600)
      here.cache.for(request())
      await at.runtime.settle()
      expect(here.maxAges()).toEqual([750, 0])
      expect(here.cache.stats()).toMatchObject({ reanchors: 1, entries: 1, sharedPolls: 0 })
      expect(here.cache.freshness()).toMatchObject({ ageMs: 0 })
    },
  )

  it('a cache that has no position yet begins at a shared end', async () => {
    const here = sharing()
    await at.run(here.other.delete('2'))
    await here.sample()
    await at.run(here.users.getOrSet('1', () => 'v'))
    await at.runtime.settle()
    expect(here.cache.freshness()).toMatchObject({ proved: true, ageMs: 300 })
  })

  it('what an answer leaves behind is kept alive by the request, and no read waits for it', async () => {
    const here = sharing()
    await warm(here)
    await at.runtime.advance(600)
    const context = request()
    here.settled.length = 0
    here.cache.for(context)
    await at.runtime.settle()
    expect(here.settled).toEqual(['settled'])
    expect(context.work.length).toBeGreaterThanOrEqual(2)
  })
})

describe('a log that shares none', () => {
  it('is asked as it was before there was such a thing', async () => {
    const on = new MemoryLog()
    const inner = memory({ on, runtime: at.runtime })
    const asked: (OffsetsOptions | undefined)[] = []
    const kafka: KafkaLog = {
      ...inner,
      offsets: (topic, how) => (asked.push(how), inner.offsets(topic, how)),
    }
    const cache = createCache({ kafka, runtime: at.runtime })
    cache.namespace('users')
    await at.run(cache.sync())
    expect(asked.map((how) => Object.keys(how ?? {}).toSorted())).toEqual([['partitions', 'signal']])
  })
})
