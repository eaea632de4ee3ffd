/**
 * `sinkSuite()`: the contract of {@link Sink} in executable form.
 *
 * It needs no test runner of its own and no platform: `describe`, `it` and `expect` are passed in.
 *
 * @module
 */
import type { Assertion } from './log-suite/bench.ts'
import { sinkBench } from './sink-suite/bench.ts'
import type { SinkTest, SinkUnderTest } from './sink-suite/bench.ts'
import { epochs, losses, states } from './sink-suite/epochs.ts'
import { lives, refusals, sharing } from './sink-suite/sharing.ts'
import { positions, versions, writing } from './sink-suite/writing.ts'

export type { SinkUnderTest } from './sink-suite/bench.ts'

export interface SinkSuiteOptions {
  readonly name: string
  /** A key that the store never takes. Without it that part of the contract is left untested. */
  readonly refusedKey?: string
  /** Called for each test, with a store that is empty. */
  readonly create: () => Promise<SinkUnderTest> | SinkUnderTest
  readonly describe: (name: string, body: () => void) => void
  readonly it: (name: string, body: () => Promise<void>) => void
  readonly expect: (actual: unknown) => Assertion
}

/**
 * Declares the tests of the contract.
 *
 * @example
 * ```ts
 * import { fakeRuntime, memorySink, sinkSuite } from 'kedge/testing'
 * import { describe, expect, it } from 'vitest'
 *
 * sinkSuite({
 *   name: 'memorySink()',
 *   create: () => {
 *     const runtime = fakeRuntime()
 *     const sink = memorySink({ runtime })
 *     return {
 *       sink,
 *       another: memorySink({ runtime, on: sink.store }),
 *       get: (key) => sink.store.get(key),
 *       pass: (ms) => runtime.advance(ms),
 *       wipe: () => sink.store.wipe(),
 *       close: () => undefined,
 *     }
 *   },
 *   describe,
 *   it,
 *   expect,
 * })
 * ```
 */
export function sinkSuite(options: SinkSuiteOptions): void {
  const { name, refusedKey, create, describe, it, expect } = options
  const test: SinkTest = (title, body) =>
    it(title, async () => {
      const made = await create()
      try {
        await body(sinkBench(made, expect))
      } finally {
        await made.close()
      }
    })
  describe(`${name} keeps the contract of a sink`, () => {
    states(test)
    epochs(test)
    losses(test)
    writing(test)
    versions(test)
    positions(test)
    sharing(test)
    lives(test)
    refusals(test, refusedKey)
  })
}
