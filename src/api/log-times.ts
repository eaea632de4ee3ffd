/** How long a cache waits, and what for: those of its options that are times of the log. @module */
import { longerThanNothing, msOf } from '../runtime/duration.ts'
import { must } from './must.ts'
import type { CacheOptions } from './options.ts'

export interface Times {
  readonly maxStalenessMs: number
  readonly refreshAfterMs: number
  readonly pollTimeoutMs: number
  readonly publishTimeoutMs: number
  readonly maxOutageMs: number
}

/** @throws TypeError quoting the option that is wrong. */
export function times(options: CacheOptions): Times {
  const maxStalenessMs = msOf(options, 'maxStaleness', 2000)
  const refreshAfterMs = msOf(options, 'refreshAfter', maxStalenessMs / 2)
  const maxOutageMs = msOf(options, 'maxOutage', Math.max(30_000, maxStalenessMs))
  const pollTimeoutMs = longerThanNothing(options.pollTimeout ?? 500, 'pollTimeout')
  const publishTimeoutMs = longerThanNothing(options.publishTimeout ?? 10_000, 'publishTimeout')
  must(refreshAfterMs <= maxStalenessMs, '`refreshAfter` must not be longer than `maxStaleness`')
  must(maxOutageMs >= maxStalenessMs, '`maxOutage` must not be shorter than `maxStaleness`')
  return { maxStalenessMs, refreshAfterMs, pollTimeoutMs, publishTimeoutMs, maxOutageMs }
}
