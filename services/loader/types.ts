/**
 * The interface of a loader service.
 *
 * @module
 */
import type { Duration } from '../../src/runtime/duration.ts'
import type { RequestContext } from '../../src/api/read-types.ts'
import type { RequestOutcome } from './queue.ts'
import type { LoaderLag, LoaderStats } from './stats.ts'

export interface RunOptions {
  /** Ends the service: it reads no more, and loads the waiting keys for at most `drain`. */
  readonly signal: AbortSignal
}

export interface StepOptions {
  /** How long requests are read. Loads under way at that time are finished. */
  readonly budget: Duration
  readonly signal?: AbortSignal
  /** The context of the request or event that this call belongs to. */
  readonly context?: RequestContext
}

export interface LoadRequestsOptions {
  readonly signal?: AbortSignal
  readonly context?: RequestContext
}

/** Number of requests by outcome. */
export type LoadResult = Readonly<Record<RequestOutcome | 'foreign' | 'unreadable', number>>

export interface LoaderHealth {
  /** Whether the last read of the requests topic succeeded, and freshness is proved or was never needed. */
  readonly ready: boolean
  /** Why the service is not ready. */
  readonly error?: unknown
}

/** A loader service. */
export interface LoaderService {
  /**
   * Reads and answers until aborted; then drains. For long-lived processes. A failing log does not reject it.
   */
  run(options: RunOptions): Promise<void>
  /** Reads and answers for `budget`: for a cron trigger. The service keeps its positions between steps. */
  step(options: StepOptions): Promise<LoadResult>
  /**
   * Answers requests that the caller got elsewhere: from a queue, or a Kafka event of Lambda (see
   * {@link recordsOfLambda}). Each is a request message, or the bytes of one. Resolves when each request has
   * its outcome.
   */
  load(requests: Iterable<unknown>, options?: LoadRequestsOptions): Promise<LoadResult>
  lag(options?: { readonly signal?: AbortSignal }): Promise<LoaderLag>
  stats(): LoaderStats
  health(): LoaderHealth
  /** Closes its cache and the log. */
  close(): Promise<void>
}
