import { describe, expect, it } from 'vitest'
import { fakeRuntime, memoryTier, tierSuite } from '../../src/testing/index.ts'

tierSuite({
  name: 'memoryTier()',
  deadlineMs: 5000,
  create: () => {
    const runtime = fakeRuntime()
    const tier = memoryTier({ runtime })
    const { store } = tier
    return {
      tier,
      other: memoryTier({ runtime, on: store }),
      passes: (ms) => runtime.advance(ms),
      wipe: () => store.wipe(),
      plant: (place, key, bytes) => store.plant(place, key, bytes),
      pause: () => tier.pause(),
      resume: () => tier.resume(),
      close: () => undefined,
    }
  },
  describe,
  it,
  expect,
})

tierSuite({
  name: 'memoryTier() on the way',
  deadlineMs: 5000,
  applies: false,
  create: () => {
    const runtime = fakeRuntime()
    const { applier: _, ...tier } = memoryTier({ runtime })
    return {
      tier,
      passes: (ms) => runtime.advance(ms),
      wipe: () => tier.store.wipe(),
      close: () => undefined,
    }
  },
  describe,
  it,
  expect,
})
