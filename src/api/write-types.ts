/** What writes are given: options, and the store that a value is committed to. @module */
import type { Duration } from '../runtime/duration.ts'
import type { Lifetime } from './load-types.ts'

export interface SetOptions<T> extends Pick<Lifetime<T>, 'ttl'> {
  readonly tags?: readonly string[]
  /**
   * The version of the row that the value was made from (row version, LSN): the higher version wins, in any
   * order of arrival, wherever the higher one has been seen.
   */
  readonly version?: number
  readonly signal?: AbortSignal
}

export interface SetManyOptions<T> extends Omit<SetOptions<T>, 'version'> {
  /**
   * Publish the values in one record, of this name, instead of one each: for small values that are written together.
   * The updates topic keeps the last record of a domain, so write a domain **whole** each time.
   */
  readonly domain?: string
}

export interface WriteOptions {
  readonly signal?: AbortSignal
}

export interface DeleteOptions extends WriteOptions {
  /** Evict only what is older than this version. */
  readonly version?: number
}

/** What a store is given. */
export interface StoreContext {
  readonly key: string
  /**
   * Aborted while there is time left to give the write up. If the store commits all the same, after the
   * intent's time is over, isolates may hold a value that is older than the commit.
   */
  readonly signal: AbortSignal
}

/** Commits a value at its source. May return the version of the row that it made (row version, LSN). */
export type StoreWrite<V> = (
  value: V,
  context: StoreContext,
) =>
  | void
  | { readonly version?: number | undefined }
  | Promise<void | { readonly version?: number | undefined }>

export interface WriteThroughOptions<T> extends Pick<Lifetime<T>, 'ttl'> {
  /**
   * How long the write may take, from its announcement to the commit: at most `'60s'`, and what the namespace's
   * `intents` says. `false` announces nothing: one request less, and a crash after the commit is covered by the TTL alone.
   * @default '10s'
   */
  readonly intent?: Duration | false
  readonly tags?: readonly string[]
  /** Aborts the store's signal. Once the store may have committed, the cache evicts the key even so. */
  readonly signal?: AbortSignal
}

export interface WriteBehindOptions {
  /**
   * How long readers take the write from the log instead of asking the source, at most what the namespace's `intents`
   * says. Choose it longer than the persister may need, outages included: after that the source is asked again, written
   * or not.
   * @default '1m'
   */
  readonly maxPending?: Duration
  readonly signal?: AbortSignal
}
