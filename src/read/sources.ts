/**
 * What reads and writes know of the features that stand beside the core: the cache puts them in.
 *
 * @module
 */
import type { Candidate } from '../coherence/candidate.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import type { RequestScope } from '../coherence/request-scope.ts'
import type { TokenPositions } from '../wire/token.ts'

/** Loads the keys; those that have no value are left out. */
export type Call<T> = (keys: readonly string[], signal: AbortSignal) => Promise<ReadonlyMap<string, T>>

/** Waits until values from elsewhere can be judged: `false` where that cannot be within `pollTimeout`. */
export type Proof = (signal: AbortSignal | undefined) => Promise<boolean>

/** A store that isolates share. */
export interface OuterTier {
  /** Asks for the keys, and holds what may be held; the others are left out. Never rejects. */
  take<T>(
    space: CoherentStore<T>,
    keys: readonly string[],
    proof: Proof,
    stop: AbortSignal | undefined,
  ): Promise<ReadonlyMap<string, Candidate<T>>>
  /** Stores, in the background, values that are held here. */
  put<T>(space: CoherentStore<T>, held: ReadonlyMap<string, Candidate<T>>, scope: RequestScope): void
  /** Removes, in the background, what an eviction of this isolate has killed. */
  remove<T>(space: CoherentStore<T>, keys: readonly string[], offset: number, scope: RequestScope): void
}

/** The updates topic, as far as it has been read. */
export interface UpdatesRead {
  /** Whether every value that the token names has been read. */
  passed(required: TokenPositions): boolean
  /** Whether the topic is known to have records that have not been read yet. */
  lags(required: TokenPositions): boolean
}

/** Reads of keys whose last write waits to be persisted: the source does not have it yet. */
export interface PendingReads<T> {
  /** The call, but for keys whose last write waits: they are read from the log. */
  before(call: Call<T>): Call<T>
  /** What a read without a loader can do; `undefined` where no write of the keys waits. */
  alone(keys: readonly string[]): Call<T> | undefined
}

/** Tells other isolates that the TTL of a value has ended here. */
export interface ExpiryPublisher {
  announceExpiry(namespace: string, partition: number, key: string, scope: RequestScope): void
}
