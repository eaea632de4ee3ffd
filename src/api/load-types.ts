/** Loaders, and how long what they bring may live. @module */
import type { Duration } from '../runtime/duration.ts'
import type { ReadOptions } from './read-types.ts'

/** What a loader is given. */
export interface LoadContext<T> {
  readonly key: string
  /**
   * Aborted when `hardTimeout` has passed. Not tied to any one caller. It is made when it is first read: pass on `signal`, or
   * the context itself, because a copy of the context (`{ ...context }`) has none.
   */
  readonly signal: AbortSignal
  /** The expired value, where one is still held within `swr` or `staleIfError`. */
  readonly stale: T | undefined
}

export interface LoadManyContext {
  /** As {@link LoadContext.signal}. */
  readonly signal: AbortSignal
}

/** Loads a value from its source. `undefined` means "there is none" and is not cached; `null` is a value. */
export type Loader<T> = (context: LoadContext<T>) => T | Promise<T>

/** Loads several values at once; keys that it leaves out have no value. */
export type ManyLoader<T> = (
  keys: readonly string[],
  context: LoadManyContext,
) => LoadedMany<T> | Promise<LoadedMany<T>>

export type LoadedMany<T> = ReadonlyMap<string, T> | Readonly<Record<string, T>>

/** How long a value lives. Each may be set for the cache, a namespace, or one call; the nearest wins. */
export interface Lifetime<T> {
  /**
   * Time to live, counted from the **start** of the load. A function sees the value, so that misses may live
   * shorter: `(user) => (user === null ? '10s' : '5m')`. One that returns `undefined` leaves it to the namespace or the
   * cache. 0 keeps the value out of the cache, unless it may be served past its TTL. A
   * number is milliseconds: below 1000 the event `short_ttl` says so once.
   * @default '5m'
   */
  readonly ttl?: Duration | ((value: T) => Duration | undefined)
  /**
   * How long after `ttl` a value may be served while it is loaded again. RFC 5861. What a function returns for a value
   * when it is loaded stays with the value in this isolate: a later read may shorten it, and cannot lengthen it. @default 0
   */
  readonly swr?: Duration | ((value: T) => Duration | undefined)
  /** How long after `ttl` a value may be served when its loader fails. RFC 5861. A function as for `swr`. @default 0 */
  readonly staleIfError?: Duration | ((value: T) => Duration | undefined)
  /** The part of `ttl`, 0 to 1, by which it is shortened at random, so that values do not expire together. @default 0 */
  readonly jitter?: number
}

export interface LoadOptions<T> extends ReadOptions, Lifetime<T> {
  /** Tags of the value, for `invalidateTags`. */
  readonly tags?: readonly string[] | ((value: T) => readonly string[])
  /** After this long an expired value within `swr` or `staleIfError` is served; the load goes on. @default none */
  readonly timeout?: Duration
  /** After this long the load is given up with `ERR_LOADER_TIMEOUT`. @default '30s' */
  readonly hardTimeout?: Duration
}
