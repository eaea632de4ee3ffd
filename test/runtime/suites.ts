/** Everything that runs in every runtime. */
import { fakeRuntime, memory, MemoryLog, memorySink, memoryTier } from '../../src/testing/index.ts'
import { logSuite, sinkSuite, tierSuite } from '../../src/testing/index.ts'
import { randomFleet } from '../fleets/random-fleet.ts'
import { coreSuite } from './core-suite.ts'
import type { Runner } from './harness.ts'

export function suites(runner: Runner): void {
  coreSuite(runner)
  logSuite({
    ...runner,
    name: 'memory()',
    capabilities: { identity: true, longPoll: true, readCommitted: true },
    truncates: true,
    create() {
      const on = new MemoryLog({ autoCreate: false })
      let topics = 0
      return {
        log: memory({ on }),
        topic(partitions) {
          const name = `topic-${topics++}`
          on.createTopic(name, { partitions })
          return name
        },
        recreate: (topic) => void on.recreateTopic(topic),
        truncate: (topic, partition, offset) => on.truncate(topic, partition, offset),
        close: () => undefined,
      }
    },
  })
  stores(runner)
  fleets(runner)
}

function stores(runner: Runner): void {
  tierSuite({
    ...runner,
    name: 'memoryTier()',
    deadlineMs: 5000,
    create() {
      const runtime = fakeRuntime()
      const tier = memoryTier({ runtime })
      return {
        tier,
        other: memoryTier({ runtime, on: tier.store }),
        passes: (ms) => runtime.advance(ms),
        wipe: () => tier.store.wipe(),
        plant: (place, key, bytes) => tier.store.plant(place, key, bytes),
        pause: () => tier.pause(),
        resume: () => tier.resume(),
        close: () => undefined,
      }
    },
  })
  sinkSuite({
    ...runner,
    name: 'memorySink()',
    refusedKey: 'k'.repeat(2000),
    create() {
      const runtime = fakeRuntime()
      const sink = memorySink({ runtime })
      return {
        sink,
        another: memorySink({ runtime, on: sink.store }),
        get: (key) => sink.store.get(key),
        pass: (ms) => runtime.advance(ms),
        wipe: () => sink.store.wipe(),
        close: () => undefined,
      }
    },
  })
}

/** Fixed, so that each runtime runs the same; elsewhere seeds are drawn. */
const FLEETS = [1, 2, 3, 4, 5, 6, 7, 8]

function fleets({ describe, it, expect }: Runner): void {
  describe('whatever happens to a fleet', () => {
    for (const seed of FLEETS) {
      it(`nothing is served beyond the promise (seed ${seed})`, async () => {
        const { violations, checked } = await randomFleet(seed)
        expect(violations).toEqual([])
        expect(checked > 10).toBe(true)
      })
    }
  })
}
