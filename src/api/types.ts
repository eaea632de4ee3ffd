/**
 * What a user of the cache holds: the cache, its namespaces, and the options of each call.
 *
 * @module
 */
import type { BreakerState } from '../runtime/circuit-breaker.ts'
import type { Duration } from '../runtime/duration.ts'
import type { NamespaceOptions } from './options.ts'
import type { Token } from '../wire/token.ts'

export type { Duration }

/** The part of a platform's request context that the cache needs. Cloudflare's `ExecutionContext` is one. */
export interface RequestContext {
  /** Keeps the request's resources alive until the promise settles. */
  waitUntil(promise: Promise<unknown>): void
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
  readonly entry?: Entry<unknown>
  readonly error?: unknown
}

export interface ReadOptions {
  /** Read your writes: the answer reflects every eviction up to this token. */
  readonly after?: Token
  /** Ends the wait of this call, not a load that others may share. The call rejects with `signal.reason`. */
  readonly signal?: AbortSignal
}

/** What a loader is given. */
export interface LoadContext<T> {
  readonly key: string
  /** Aborted when `hardTimeout` has passed. Not tied to any one caller. */
  readonly signal: AbortSignal
  /** The expired value, where one is still held within `swr` or `staleIfError`. */
  readonly stale: T | undefined
}

export interface LoadManyContext {
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
  /**
   * Who loads: the loader given here, or `'loader'`, a loader service (`kedge/loader`) that is asked through the
   * requests topic, and the loader given here only when no answer comes within `loaderWait`.
   * @default 'self'
   */
  readonly via?: 'self' | 'loader'
  /** How long a loader service is waited for; never longer than half of `hardTimeout`. @default '2s' */
  readonly loaderWait?: Duration
}

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
  /** Whether it was loaded past the cache, because freshness could not be proved. */
  readonly bypassed: boolean
  /** A value was held whose TTL is over, and it was loaded again. Absent otherwise. */
  readonly expired?: true
}

/** A part of the cache with keys of its own: one kind of value. */
export interface Namespace<T> {
  readonly name: string
  /** This namespace within one request. */
  for(context: RequestContext, options?: ScopeOptions): Namespace<T>
  /**
   * The value if it is held and **proved** fresh this moment; never waits. The clock is read once per
   * synchronous turn.
   */
  peek(key: string): T | undefined
  get(key: string, options?: ReadOptions): Promise<T | undefined>
  /** Keys without a value are left out. */
  getMany(keys: readonly string[], options?: ReadOptions): Promise<Map<string, T>>
  /**
   * The value if it is held, else what the loader brings. Rejects with what the loader threw, untouched; with
   * `ERR_CODEC` where it brought what cannot outlive a request: a `Response`, a stream, a stub, a promise, a
   * function. Every reader gets the same object, not a copy: a reader that changes it changes it for all
   * readers of the isolate. `freeze: true` makes that a `TypeError`.
   */
  getOrSet(key: string, loader: Loader<T>, options?: LoadOptions<T>): Promise<T>
  /** One call of the loader for all keys that are missing; keys that it leaves out are left out. */
  getOrSetMany(
    keys: readonly string[],
    loader: ManyLoader<T>,
    options?: LoadOptions<T>,
  ): Promise<Map<string, T>>
  /** Like `get` or `getOrSet`, with what is known about the value. */
  getEntry(key: string, loader?: Loader<T>, options?: LoadOptions<T>): Promise<Entry<T>>
  /**
   * Evicts the key everywhere, then holds the value. For values whose truth is the log itself: two services that
   * write a row and then `set` it may reach the log in the other order than the database. For a row that has a
   * source, `delete` it, or give `version`.
   */
  set(key: string, value: T, options?: SetOptions<T>): Promise<Token>
  /**
   * `set` for many keys, in few requests: one eviction names all of them. At most 1000.
   * @throws KedgeError `ERR_TOO_LARGE`, before anything is evicted, when the values of a `domain` do not fit a message.
   */
  setMany(entries: LoadedMany<T>, options?: SetManyOptions<T>): Promise<Token>
  /** Evicts one or many keys, everywhere. Call it after the commit. */
  delete(keys: string | readonly string[], options?: DeleteOptions): Promise<Token>
  /**
   * Writes a row at its source, and evicts the key everywhere: announces the write, lets `store` commit it,
   * evicts. A writer that dies in between does no harm: readers hold nothing that they load beside the
   * announced write. Needs `intents` in the namespace's options, also where it is read; or `intent: false`.
   *
   * The value itself is held and shared only when `store` returns a `version`: two writers may reach the log in the
   * other order than the source. `undefined` stands for a row that `store` deletes.
   *
   * Rejects with what `store` threw, untouched, after the key was evicted all the same; with `ERR_STORE_TIMEOUT` when
   * `store` did not end in time; with `ERR_PUBLISH` when the intent (then nothing was stored) or the eviction after the
   * commit was not acknowledged.
   */
  writeThrough<V extends T | undefined>(
    key: string,
    value: V,
    store: StoreWrite<V>,
    options?: WriteThroughOptions<T>,
  ): Promise<Token>
  /**
   * Writes a row to the log, from where a persister (`kedge/persister`) writes it to its source. Until then a
   * reader that has passed the token reads it from the log. `undefined` deletes the row. Needs `intents` in
   * the namespace's options.
   *
   * Rejects with `ERR_OVERLOADED` while too many writes wait, or one has waited for too long; with `ERR_PUBLISH` when a
   * record was not acknowledged: the write may be persisted all the same.
   */
  writeBehind(key: string, value: T | undefined, options?: WriteBehindOptions): Promise<Token>
  invalidateTags(tags: string | readonly string[], options?: WriteOptions): Promise<Token>
  invalidatePrefix(prefix: string, options?: WriteOptions): Promise<Token>
  /** Evicts the whole namespace, everywhere. */
  clear(options?: WriteOptions): Promise<Token>
}

/** How well the cache knows what is no longer valid. */
export interface Freshness {
  /** Whether every partition in use was proved within `maxStaleness`. */
  readonly proved: boolean
  /** Milliseconds since the oldest proof; `Infinity` before the first. */
  readonly ageMs: number
  /** Records between the position and the last known end, over all partitions. */
  readonly lag: number
  /** Why the last poll failed, if it did. */
  readonly error?: unknown
}

/** Counters since construction, and gauges of this moment. */
export interface CacheStats {
  readonly entries: number
  readonly bytes: number
  readonly hits: number
  readonly misses: number
  readonly loads: number
  /** Misses that a loader service answered. */
  readonly answered: number
  /** Loads whose value was not kept because an eviction met it under way. */
  readonly fenced: number
  readonly polls: number
  readonly pollFailures: number
  readonly reanchors: number
  /** Polls whose log identity could not be verified. */
  readonly unverified: number
  readonly evictionsApplied: number
  readonly updatesApplied: number
  /** Records that could not be read, or were refused. */
  readonly refused: number
  /** Keys that were answered by a value of the shared tier. */
  readonly tierHits: number
  /** Keys that the shared tier was asked for in vain, refused ones included. */
  readonly tierMisses: number
  /** Values of the shared tier that could not be read, or must not be held. */
  readonly tierRefused: number
  /** Calls of the shared tier that failed, took too long, or were overtaken by the source. */
  readonly tierFailures: number
  /** Whether the shared tier is asked: `'open'` while it is left alone. Absent where there is none. */
  readonly tierState?: BreakerState | undefined
}

export interface PrewarmOptions {
  /** @default 10_000 */
  readonly maxRecords?: number
  /** @default 8_000_000 */
  readonly maxBytes?: number
  /** How long it may take. @default '2s' */
  readonly budget?: Duration
  readonly signal?: AbortSignal
}

export interface PrewarmResult {
  readonly records: number
  readonly applied: number
  readonly bytes: number
  /** Whether the end of the topic was reached within the limits. */
  readonly complete: boolean
}

/** A cache within one request, or the whole of it. */
export interface CacheScope {
  /** The namespace of this name; created with defaults when it was not declared. */
  namespace<T = unknown>(name: string): Namespace<T>
  /** The token of every write made in this scope, joined with the one the scope began with. */
  readonly token: Token | undefined
  /** Evicts everything, everywhere. */
  clear(options?: WriteOptions): Promise<Token>
  /** Polls now, waiting at most `pollTimeout`. Never rejects because the log is out of reach: see the answer. */
  sync(options?: ReadOptions): Promise<Freshness>
  freshness(): Freshness
}

export interface FollowOptions {
  /** Ends the loop. `follow()` then resolves. */
  readonly signal: AbortSignal
}

/** The cache of an isolate. Make one at module scope. */
export interface Cache extends CacheScope {
  /** Declares a namespace, once; later calls without options return the same one. */
  namespace<T = unknown>(name: string, options?: NamespaceOptions<T>): Namespace<T>
  /**
   * The cache within one request: starts a poll if one is due, and runs background work under the request's
   * `waitUntil`.
   */
  for(context: RequestContext, options?: ScopeOptions): CacheScope
  /** Polls in a loop until aborted, with long polls where the log has them. For processes that live long. */
  follow(options: FollowOptions): Promise<void>
  /** Fills the cache from the compacted updates topic, within limits. Never blocks reads. */
  prewarm(options?: PrewarmOptions): Promise<PrewarmResult>
  stats(): CacheStats
  /** Refuses further calls with `ERR_CLOSED`, aborts loads, and closes the log. */
  close(): Promise<void>
}
