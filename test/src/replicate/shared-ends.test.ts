/** Ends of the updates topic that others have sampled: when `replicate()` takes them, and when it asks for its own. */
import { beforeEach, describe, expect, it } from 'vitest'
import { cacheSettings } from '../../../src/api/settings.ts'
import { newCounters } from '../../../src/api/stats.ts'
import { MarkLimit } from '../../../src/coherence/mark-limit.ts'
import { createCache } from '../../../src/index.ts'
import type { KafkaLog, OffsetsOptions } from '../../../src/ports/kafka-log.ts'
import { replicate } from '../../../src/replicate/index.ts'
import { UpdatesConsumer } from '../../../src/replicate/updates-consumer.ts'
import { Clock } from '../../../src/runtime/clock.ts'
import { Budget } from '../../../src/store/budget.ts'
import { memory, MemoryLog } from '../../../src/testing/index.ts'
import { world } from '../world.ts'
import type { World } from '../world.ts'

const UPDATES = 'cache-updates'
let at: World
beforeEach(() => {
  at = world()
})

/** Two caches; the ends that the reader gets are those of its first look, where it allows that. */
async function pair() {
  const on = new MemoryLog()
  const asked: OffsetsOptions[] = []
  const inner = memory({ on, runtime: at.runtime })
  let stored: Awaited<ReturnType<KafkaLog['offsets']>> | undefined
  const kafka: KafkaLog = {
    ...inner,
    capabilities: { ...inner.capabilities, longPoll: false, shared: true },
    async offsets(topic, how = {}) {
      if (topic !== UPDATES) return inner.offsets(topic, { partitions: how.partitions! })
      asked.push(how)
      if ((how.maxAgeMs ?? 0) >= 300 && stored) return stored.map((bound) => ({ ...bound, ageMs: 300 }))
      const bounds = await inner.offsets(topic, how)
      stored ??= bounds
      return bounds
    },
  }
  const made = (log: KafkaLog) =>
    createCache({
      kafka: log,
      runtime: at.runtime,
      use: [replicate()],
      maxStaleness: '2s',
      refreshAfter: '1s',
    })
  const [reader, writer] = [made(kafka), made(memory({ on, runtime: at.runtime }))]
  const [mine, theirs] = [reader, writer].map((cache) => cache.namespace<string>('users'))
  await at.run(Promise.all([reader.sync(), writer.sync()]))
  const poll = async () => {
    await at.runtime.advance(1100)
    await at.run(mine!.getOrSet('other', () => 'x'))
    await at.runtime.advance(10)
  }
  return { on, asked, reader, mine: mine!, theirs: theirs!, poll }
}

describe('ends that others have sampled', () => {
  it('suffice for the polls of calm', async () => {
    const { asked, poll } = await pair()
    asked.length = 0
    await poll()
    expect(asked.map(({ maxAgeMs }) => maxAgeMs)).toEqual([666])
  })

  it('do not for `sync()`, which asks what is there now', async () => {
    const { asked, reader, mine, theirs } = await pair()
    await at.run(theirs.set('7', 'set'))
    asked.length = 0
    await at.run(reader.sync())
    expect(asked.every(({ maxAgeMs }) => maxAgeMs === undefined)).toBe(true)
    expect(mine.peek('7')).toBe('set')
  })

  it('do not for a read with the token of a value that was set', async () => {
    const { mine, theirs, poll } = await pair()
    await poll()
    const token = await at.run(theirs.set('7', 'set'))
    expect(await at.run(mine.get('7', { after: token }))).toBe('set')
  })

  it('below what was read since are looked at again, and nothing is dropped', async () => {
    const { mine, theirs, poll, reader, asked } = await pair()
    await at.run(theirs.set('7', 'set'))
    await poll()
    await at.run(reader.sync())
    expect(mine.peek('7')).toBe('set')
    asked.length = 0
    await poll()
    await poll()
    expect(mine.peek('7')).toBe('set')
    expect(asked.map(({ maxAgeMs }) => maxAgeMs)).toEqual([666, undefined])
  })

  it('below one that was found since count for no token: its value is still to be waited for', async () => {
    let end = 0
    const inner = memory({ runtime: at.runtime })
    const kafka: KafkaLog = {
      ...inner,
      offsets: async (_, { maxAgeMs = 0 } = {}) =>
        maxAgeMs > 0
          ? [{ partition: 0, beginning: 0, end: 0, ageMs: maxAgeMs }]
          : [{ partition: 0, beginning: 0, end }],
      // A consumer that warms up returns nothing.
      read: async (_, positions) => ({ records: [], next: positions, outOfRange: [] }),
    }
    const settings = cacheSettings({ kafka, runtime: at.runtime })
    const clock = new Clock(at.runtime)
    const budget = new Budget(settings)
    const marks = new MarkLimit(settings.maxRememberedEvictions)
    const shared = { settings, clock, counters: newCounters(), budget, marks }
    const updates = new UpdatesConsumer({ context: { shared }, stores: new Map(), takesPart: () => true })
    const look = async (maxAgeMs: number) => {
      const apply = await at.run(updates.fetch(new AbortController().signal, maxAgeMs))
      await apply()
    }
    await look(0)
    end = 1
    const since = clock.now()
    await look(0)
    await look(600)
    expect(updates.lags(new Map([[0, 1]]), since)).toBe(true)
  })
})
