import { describe, expect, it } from 'vitest'
import { fakeRuntime, memoryTier, tierSuite } from '../../src/testing/index.ts'

// The one that applies stands in `test/runtime/suites.ts`, and runs in every runtime.
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
