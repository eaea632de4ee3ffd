/**
 * What a user of a loader service holds.
 *
 * @module
 */
import type { Duration, RequestContext } from '../src/types.ts'
import type { RequestOutcome } from './queue.ts'
import type { LoaderLag, LoaderStats } from './stats.ts'

export interface RunOptions {
  /** Ends the service: it reads no more, and goes on with what waits for at most `drain`. */
  readonly signal: AbortSignal
}

export interface StepOptions {
  /** How long requests are read. What is loaded then is finished. */
  readonly budget: Duration
  readonly signal?: AbortSignal
  /** Of the request or event that this is a part of. */
  readonly context?: RequestContext
}

export interface LoadRequestsOptions {
  readonly signal?: AbortSignal
  readonly context?: RequestContext
}

/** What came of requests, by number. */
export type LoadResult = Readonly<Record<RequestOutcome | 'foreign' | 'unreadable', number>>

export interface LoaderHealth {
  /** Whether the requests topic was read last time, and freshness is proved or was never needed. */
  readonly ready: boolean
  /** Why not. */
  readonly error?: unknown
}

/** A loader service. */
export interface LoaderService {
  /** Reads and answers until aborted; then drains. For processes that live long. Never rejects for the log's sake. */
  run(options: RunOptions): Promise<void>
  /** Reads and answers for a while: for a cron trigger or a schedule. Positions are kept from step to step. */
  step(options: StepOptions): Promise<LoadResult>
  /**
   * Answers requests that somebody else has read: a queue, or a Kafka event of Lambda (see {@link recordsOfLambda}).
   * Each is a request message, or the bytes of one. Resolves when nobody needs to wait for one of them any more.
   */
  load(requests: Iterable<unknown>, options?: LoadRequestsOptions): Promise<LoadResult>
  lag(options?: { readonly signal?: AbortSignal }): Promise<LoaderLag>
  stats(): LoaderStats
  health(): LoaderHealth
  /** Ends its cache and the log. */
  close(): Promise<void>
}
