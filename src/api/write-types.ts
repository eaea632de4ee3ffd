/** The options of writes. @module */
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

export interface WriteOptions {
  readonly signal?: AbortSignal
}

export interface DeleteOptions extends WriteOptions {
  /** Evict only what is older than this version. */
  readonly version?: number
}
