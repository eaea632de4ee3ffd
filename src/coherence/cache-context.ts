/** What the parts of one cache share. @module */
import type { Settings } from '../api/settings.ts'
import type { Counters } from '../api/stats.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Budget } from '../store/budget.ts'
import type { MarkLimit } from './mark-limit.ts'

export interface CacheContext {
  readonly settings: Settings
  readonly clock: Clock
  readonly counters: Counters
  readonly budget: Budget
  readonly marks: MarkLimit
}
