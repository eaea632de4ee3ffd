/** What a world is made of, and what is seen of it. @module */

/**
 * How isolates learn that they are fresh: each polls the log; each asks a tail in its region; each looks into its colo's store
 * before it asks one; the same, and the gateway itself is the tail.
 */
export type Way = 'direct' | 'tail' | 'store' | 'gateway'

export interface Plan {
  readonly seed: number
  readonly way: Way
  readonly isolates: number
  /** Data centers, each with a store of its own. */
  readonly colos: number
  readonly tails: number
  readonly seconds: number
  /** Of each isolate, a second. */
  readonly requests: number
  /** A second, in the whole world. */
  readonly evictions: number
  readonly maxStalenessMs: number
  readonly refreshAfterMs: number
  /** Whose clock ages are made of: the tail's own, or that of the gateway, which it vouches for. */
  readonly clock: 'tail' | 'gateway'
  /** One of the tails is replaced by a new one this often. @default never */
  readonly restartEveryMs?: number
}

/** Round trips, in milliseconds, in the mean. */
export const ROUND_TRIP_MS = { store: 6, tail: 25, origin: 80, source: 80, cluster: 2 } as const

/** What a second of the measured time had, unless it says otherwise. */
export interface Seen {
  readonly origin: number
  /** That were acknowledged: they come by chance. */
  readonly evictions: number
  /** Requests at all tails together. */
  readonly tail: number
  readonly tailPeak: number
  readonly matches: number
  readonly polls: number
  /** The part of the polls that asked no tail. */
  readonly adopted: number
  /** Milliseconds from the acknowledgement of an eviction until an isolate has applied it. */
  readonly dropped: { readonly p50: number; readonly p99: number }
  /** How long after an acknowledged eviction its value was served, at most, in milliseconds. */
  readonly longestMs: number
  /** How often in the measured time one was served for longer than `maxStaleness`. */
  readonly tooLong: number
  /** All that were judged. */
  readonly reads: number
  readonly hits: number
  /** Polls that failed, and positions that were lost, in the measured time. */
  readonly failures: number
  readonly reanchors: number
  readonly seconds: number
}
