/** The cache as its user holds it: one for an isolate, or its view within a request. @module */
import type { BreakerState } from '../runtime/circuit-breaker.ts'
import type { Token } from '../wire/token.ts'
import type { Namespace } from './namespace-types.ts'
import type { NamespaceOptions } from './options.ts'
import type { ReadOptions, RequestContext, ScopeOptions } from './read-types.ts'
import type { WriteOptions } from './write-types.ts'

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
  /**
   * Records of the evictions topic that could not be read, and for which everything in their partitions was dropped: how
   * many since they began, and milliseconds since the last was met. Absent once there was none for a minute.
   */
  readonly unreadable?: { readonly records: number; readonly agoMs: number }
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
  /** Calls of a loader service that could not be published, or whose answers could not be read: loaded here. */
  readonly askFailures: number
  /** Loads whose value was not kept because an eviction met it under way. */
  readonly fenced: number
  readonly polls: number
  /** Those of `polls` that went by bounds which others had sampled: only where the log has `capabilities.shared`. */
  readonly sharedPolls: number
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

/** A cache within one request, or the whole of it. */
export interface CacheScope {
  /** The namespace of this name; created with defaults when it was not declared. */
  namespace<T = unknown>(name: string): Namespace<T>
  /** The token of every write made in this scope, joined with the one the scope began with. */
  readonly token: Token | undefined
  /** Evicts everything, everywhere. */
  clear(options?: WriteOptions): Promise<Token>
  /**
   * Polls now for the namespaces that are declared, waiting at most `pollTimeout`. Declare them before: without one it asks the
   * log nothing, and `proved` is false. Never rejects because the log is out of reach: see the answer. Records that cannot be
   * read drop everything once a second at most: one that is met sooner may be left for a later poll, and counts in `lag`.
   */
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
  stats(): CacheStats
  /** Refuses further calls with `ERR_CLOSED`, aborts loads, and closes the log. */
  close(): Promise<void>
}
