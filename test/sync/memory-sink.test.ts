import { describe, expect, it } from 'vitest'
import { fakeRuntime, memorySink, sinkSuite } from '../../src/testing/index.ts'

sinkSuite({
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
  describe,
  it,
  expect,
})
