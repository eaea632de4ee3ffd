/**
 * `tierSuite()`: the contract of {@link Tier} in executable form.
 *
 * As `logSuite()`, it needs no test runner of its own and no platform: `describe`, `it` and `expect` are passed in.
 *
 * @module
 */
import { batching, lateStores, evicting, evictingGroups } from './tier-suite/applying.ts'
import { beginning, beginningAnew } from './tier-suite/beginning.ts'
import type { Assertion } from './log-suite/bench.ts'
import { tierBench } from './tier-suite/bench.ts'
import type { TierTest, TierUnderTest } from './tier-suite/bench.ts'
import { failing } from './tier-suite/failing.ts'
import { conditions, concurrentStores } from './tier-suite/conditions.ts'
import { keeping } from './tier-suite/keeping.ts'

export interface TierSuiteOptions {
  readonly name: string
  /** Whether it has an applier. @default true */
  readonly applies?: boolean
  /**
   * Whether it compares and sets in one step. Where it cannot, it need only do so for writes one after the other.
   * @default true
   */
  readonly atomic?: boolean
  /**
   * Whether a value that arrives late, after an eviction of its key was applied, is refused. Where it is not, it must
   * at least not be covered. @default true
   */
  readonly refusesLate?: boolean
  /** The shortest TTL that the store tells from a shorter one, in milliseconds. @default 50 */
  readonly ttlMs?: number
  /** The longest that a call may take by itself when the store is silent, in milliseconds. @default 10_000 */
  readonly deadlineMs?: number
  /** Called for each test: the store that it gives must be empty, or have a prefix of its own. */
  readonly create: () => Promise<TierUnderTest> | TierUnderTest
  readonly describe: (name: string, body: () => void) => void
  readonly it: (name: string, body: () => Promise<void>) => void
  readonly expect: (actual: unknown) => Assertion
}

/**
 * Declares the tests of the contract.
 *
 * @example
 * ```ts
 * import { fakeRuntime, memoryTier, tierSuite } from 'kedge/testing'
 * import { describe, expect, it } from 'vitest'
 *
 * tierSuite({
 *   name: 'memoryTier()',
 *   create: () => {
 *     const runtime = fakeRuntime()
 *     const tier = memoryTier({ runtime })
 *     const { store } = tier
 *     return {
 *       tier,
 *       other: memoryTier({ runtime, on: store }),
 *       passes: (ms) => runtime.advance(ms),
 *       wipe: () => store.wipe(),
 *       plant: (place, key, bytes) => store.plant(place, key, bytes),
 *       pause: () => tier.pause(),
 *       resume: () => tier.resume(),
 *       close: () => undefined,
 *     }
 *   },
 *   describe,
 *   it,
 *   expect,
 * })
 * ```
 */
export function tierSuite(options: TierSuiteOptions): void {
  const { name, create, describe, it, expect } = options
  const traits = {
    atomic: options.atomic ?? true,
    refusesLate: options.refusesLate ?? true,
    ttlMs: options.ttlMs ?? 50,
    deadlineMs: options.deadlineMs ?? 10_000,
  }
  const test: TierTest = (title, body) =>
    it(title, async () => {
      const made = await create()
      try {
        await body(tierBench(made, expect, traits))
      } finally {
        await made.resume?.()
        await made.close()
      }
    })
  describe(`${name} keeps the contract of a tier`, () => {
    keeping(test)
    conditions(test)
    concurrentStores(test)
    failing(test)
    if (options.applies ?? true) {
      beginning(test)
      beginningAnew(test)
      evicting(test)
      evictingGroups(test)
      lateStores(test)
      batching(test)
    } else {
      test('it has no applier and says so', async ({ tier, expect: expects, read }) => {
        expects(tier.applier).toBe(undefined)
        expects((await read(['a'])).applied).toBe(undefined)
      })
    }
  })
}
