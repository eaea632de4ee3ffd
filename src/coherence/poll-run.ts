/** A poll, as those see it who wait for it. @module */

/** A poll under way, as other requests see it. */
export interface PollRun {
  readonly number: number
  readonly startedAt: number
  /** How long before it the bounds may have been sampled that it goes by. */
  readonly maxAgeMs: number
  state: 'running' | 'succeeded' | 'failed'
  /**
   * When it has failed; or when it has succeeded, and what features read before it is applied, as far as reads wait for
   * that. Only awaited by the request that started it, and where promises may be shared. Never rejects.
   */
  settled: Promise<void>
}
