/** A sync or the applier of a tier, as `kedge sync` runs it. @module */
import type { Followed } from './metrics/sync-metrics.ts'

/** What follows the topic. */
export interface Work extends Followed {
  /**
   * Runs until the signal; with `once` to the end of the topic. Resolves with whether it reached that end.
   */
  readonly go: (once: boolean, signal: AbortSignal) => Promise<boolean>
  readonly says: string
}
