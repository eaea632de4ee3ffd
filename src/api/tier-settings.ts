/** How a cache uses its shared tier: how long it waits, and when it leaves it alone. @module */
import type { BreakerLimits } from '../runtime/circuit-breaker.ts'
import { durationMs } from '../runtime/duration.ts'
import type { Tier } from '../ports/tier.ts'
import { must } from './must.ts'
import type { CacheOptions } from './options.ts'

/** What concerns a shared tier. */
export interface TierSettings {
  readonly tier: Tier | undefined
  readonly tierTimeoutMs: number
  readonly tierHardTimeoutMs: number
  readonly tierBreaker: Omit<BreakerLimits, 'leaseMs'>
  /** `undefined`: as far as its namespaces have a use for. */
  readonly lookBack: number | undefined
}

/** @throws TypeError quoting the option that is wrong. */
export function tierSettings(options: CacheOptions): TierSettings {
  const { tier, tierTimeout, tierHardTimeout = '500ms', tierBreaker = {}, lookBack } = options
  const { failures = 5, pause = '1s', maxPause = '30s' } = tierBreaker
  const tierHardTimeoutMs = durationMs(tierHardTimeout, 'tierHardTimeout')
  must(tierHardTimeoutMs > 0, '`tierHardTimeout` must be longer than 0')
  return {
    tier,
    tierTimeoutMs:
      tierTimeout === undefined ? Math.min(50, tierHardTimeoutMs) : durationMs(tierTimeout, 'tierTimeout'),
    tierHardTimeoutMs,
    tierBreaker: {
      failures,
      pauseMs: durationMs(pause, 'tierBreaker.pause'),
      maxPauseMs: durationMs(maxPause, 'tierBreaker.maxPause'),
    },
    lookBack,
  }
}
