/** How a cache uses its shared tier: how long it waits, and when it leaves it alone. @module */
import { checkFeatureOptions } from '../api/option-check.ts'
import type { NamespaceFilter } from '../api/namespace-filter.ts'
import { namespaceFilter, namespaces } from '../api/namespace-filter.ts'
import { count, countOrNone, duration } from '../api/option-tests.ts'
import type { BreakerLimits } from '../runtime/circuit-breaker.ts'
import { durationMs, longerThanNothing } from '../runtime/duration.ts'
import type { Duration } from '../runtime/duration.ts'

/** When a failing tier is left alone. */
export interface TierBreakerOptions {
  /** Failures in a row that do it. @default 5 */
  readonly failures?: number
  /** How long, the first time; then one call tries it, and each time that fails it is twice as long. @default '1s' */
  readonly pause?: Duration
  /** @default '30s' */
  readonly maxPause?: Duration
}

/** The options of `sharedTier()`. */
export interface SharedTierOptions {
  /** After this long the loader is asked beside the tier; whichever answers first is used. @default '50ms' */
  readonly timeout?: Duration
  /** After this long a call of the tier is given up. @default '500ms' */
  readonly hardTimeout?: Duration
  /** When a failing tier is left alone, and for how long. */
  readonly breaker?: TierBreakerOptions
  /**
   * How many evictions before the end of the log are read again when the cache begins there, so that values of that
   * time can be judged. 0 for none: then a value of the tier is of use only if the tier has applied the evictions, or it
   * was read after this isolate began. @default 1000
   */
  readonly lookBack?: number
  /** The namespaces that use the tier. @default all */
  readonly namespaces?: NamespaceFilter
}

export interface TierSettings {
  readonly timeoutMs: number
  readonly hardTimeoutMs: number
  readonly breaker: Omit<BreakerLimits, 'leaseMs'>
  readonly lookBack: number
  readonly concerns: (namespace: string) => boolean
}

/** @throws TypeError quoting the option that is wrong. */
export function tierSettings(options: SharedTierOptions): TierSettings {
  const known = {
    timeout: duration,
    hardTimeout: duration,
    breaker: { failures: count, pause: duration, maxPause: duration },
    lookBack: countOrNone,
    namespaces,
  }
  checkFeatureOptions(known, options, 'sharedTier')
  const { timeout, hardTimeout = '500ms', breaker = {}, lookBack = 1000 } = options
  const { failures = 5, pause = '1s', maxPause = '30s' } = breaker
  const hardTimeoutMs = longerThanNothing(hardTimeout, 'hardTimeout')
  return {
    timeoutMs: timeout === undefined ? Math.min(50, hardTimeoutMs) : durationMs(timeout, 'timeout'),
    hardTimeoutMs,
    breaker: {
      failures,
      pauseMs: durationMs(pause, 'breaker.pause'),
      maxPauseMs: durationMs(maxPause, 'breaker.maxPause'),
    },
    lookBack,
    concerns: namespaceFilter(options.namespaces),
  }
}
