/** What reads are given and answer: the request that they are of, their options, entries. @module */
import type { Token } from '../wire/token.ts'
import type { RefuseReason } from './reasons.ts'

/** The part of a platform's request context that the cache needs. Cloudflare's `ExecutionContext` is one. */
export interface RequestContext {
  /** Keeps the request's resources alive until the promise settles. */
  waitUntil(promise: Promise<unknown>): void
  /**
   * The trace that the request is of, for a feature that traces: of `kedge/adapters/opentelemetry` a `Context`, a `Span`, or
   * the text of the request's `traceparent`. The cache hands it on, and knows nothing of it.
   */
  readonly trace?: unknown
}

export interface ScopeOptions {
  /** Every read in this scope sees at least this token's writes. */
  readonly after?: Token
  /**
   * Called with each read in this scope when it is over, once for each key: `Cache-Status` is made of it.
   * What it throws is ignored. A hit then takes the longer way, as `getEntry` does.
   */
  readonly onRead?: (read: ScopeRead) => void
}

/** What came of a read: an entry, or what it rejected with. */
export interface ScopeRead {
  readonly namespace: string
  readonly key: string
  /** Whether there was a loader: what is not held was to be loaded. */
  readonly loads: boolean
  /**
   * How long the read took, in whole milliseconds: what it waited for a proof, a tier, a load. In workerd clocks stand
   * still while code runs, so that only waiting counts.
   */
  readonly durationMs: number
  readonly entry?: Entry<unknown>
  readonly error?: unknown
}

export interface ReadOptions {
  /** Read your writes: the answer reflects every eviction up to this token. */
  readonly after?: Token
  /** Ends the wait of this call, not a load that others may share. The call rejects with `signal.reason`. */
  readonly signal?: AbortSignal
}

/** Why a value was served, or not. */
export type EntryState = 'fresh' | 'stale' | 'miss'

/** A value with what is known about it. */
export interface Entry<T> {
  readonly state: EntryState
  /** `undefined` when `state` is `'miss'`. */
  readonly value: T | undefined
  /** Milliseconds since the value's load began. */
  readonly ageMs: number
  /** Milliseconds until its TTL ends; negative when it has. */
  readonly ttlMs: number
  /**
   * Why a stale value was served: its TTL is over, its loader failed or is slow, or the log is out of reach. The
   * last comes before the others: it says that the promise of `maxStaleness` does not hold.
   */
  readonly staleBecause?: 'swr' | 'error' | 'timeout' | 'unreachable'
  /** Whether the value came out of the cache; `false` for one that was just loaded. */
  readonly cached: boolean
  /** Where it came from: this isolate, the shared tier, or its loader. Absent where there is no value. */
  readonly from?: 'memory' | 'tier' | 'loader'
  /** Whether a value that was just loaded, or came from the shared tier, is held now. */
  readonly stored: boolean
  /** Why a value that was just loaded is not held. Absent otherwise. */
  readonly refused?: RefuseReason
  /** Whether it was loaded past the cache, because freshness could not be proved. */
  readonly bypassed: boolean
  /** A value was held whose TTL is over, and it was loaded again. Absent otherwise. */
  readonly expired?: true
}
