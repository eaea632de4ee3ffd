/**
 * The options of a cache and of its namespaces: their meaning, defaults, and checks.
 *
 * Wrong options are a `TypeError` at construction that quotes the option; unknown ones are refused.
 *
 * @module
 */
import type { Codec } from '../wire/codec.ts'
import type { EventListener } from './events.ts'
import type { KafkaLog } from '../ports/kafka-log.ts'
import type { Runtime } from '../ports/runtime.ts'
import type { Duration } from '../runtime/duration.ts'
import type { Feature } from './feature.ts'
import type { Lifetime } from './load-types.ts'
import type { Schema } from './schema.ts'

/** Names of the topics. */
export interface TopicNames {
  /** @default 'cache-evictions' */
  readonly evictions?: string
  /** @default 'cache-updates' */
  readonly updates?: string
  /** @default 'cache-requests' */
  readonly requests?: string
  /** @default 'cache-writes' */
  readonly writes?: string
}

export interface CacheOptions extends Lifetime<unknown> {
  /** How Kafka is reached: `gateway()`, `kafkaRest()`, or `memory()` of `kedge/testing`. */
  readonly kafka: KafkaLog
  /**
   * Features, in the order in which they are asked: `sharedTier()` of `kedge/tier`, `replicate()` of `kedge/replicate`,
   * `writeIntents()` of `kedge/write-paths`, or one of your own.
   * @default none
   */
  readonly use?: readonly Feature[]
  readonly topics?: TopicNames
  /** Partitions of the evictions topic, at most 100. A namespace lives whole in one of them. @default 1 */
  readonly evictionPartitions?: number
  /** Partitions of the updates topic; a key's partition is Kafka's own default (murmur2). @default 1 */
  readonly updatePartitions?: number
  /** Partitions of the topic of writes (`writeBehind`); a key's partition is Kafka's own default. @default 1 */
  readonly writePartitions?: number
  /** Partitions of the requests topic, for `viaLoader`. @default 1 */
  readonly requestPartitions?: number
  /**
   * How the updates topic is read. `'uncommitted'` for a log that cannot read committed records, where no
   * writer writes values in transactions (kedge never does): readers would serve the value of an aborted one.
   * @default 'committed'
   */
  readonly updatesIsolation?: 'committed' | 'uncommitted'

  /** How many values are held at most. Those that no read has asked for again make room first (S3-FIFO). @default 10_000 */
  readonly maxEntries?: number
  /** How many bytes of values (estimated, keys and bookkeeping included) are held at most. @default 32_000_000 */
  readonly maxBytes?: number
  /** The largest single value that is kept, in bytes. @default a quarter of `maxBytes` */
  readonly maxEntryBytes?: number

  /**
   * The promise: no read returns a value whose eviction Kafka had acknowledged longer ago than this.
   * @default '2s'
   */
  readonly maxStaleness?: Duration
  /** The age of the last proof from which a request starts a poll in the background. @default half of `maxStaleness` */
  readonly refreshAfter?: Duration
  /** How long a cached value waits for a poll. @default '500ms' */
  readonly pollTimeout?: Duration
  /**
   * How long a call that writes to the log may take in all, its repetitions included: `set`, `setMany`, `delete`,
   * `invalidateTags`, `invalidatePrefix`, `clear`, `writeBehind`, and each of the two writes of `writeThrough`. After that it
   * rejects with `ERR_PUBLISH`, which is retryable: the write may or may not be in the log.
   * @default '10s'
   */
  readonly publishTimeout?: Duration
  /**
   * What a read of a cached value does when freshness cannot be proved: serve it, flagged, for at most
   * `maxOutage` and then bypass; load past the cache; or throw `ERR_UNREACHABLE`.
   * @default 'stale'
   */
  readonly onUnreachable?: 'stale' | 'bypass' | 'throw'
  /**
   * The oldest proof under which `onUnreachable: 'stale'` still serves. An isolate that begins while Kafka is away has no
   * proof: it holds what it loads for at most this long, from the start of the load. @default '30s'
   */
  readonly maxOutage?: Duration
  /** Further behind than this, catching up costs more than starting empty: the cache resyncs. @default 10_000 */
  readonly maxCatchUpRecords?: number
  /** The largest answer asked of a poll, in bytes. @default 1_000_000 */
  readonly maxPollBytes?: number
  /** Loads that may run at once in this isolate; more wait for their turn. @default 256 */
  readonly maxLoads?: number
  /** Loads that may run at once while Kafka is out of reach and the cache is bypassed. @default 32 */
  readonly maxBypassLoads?: number
  /**
   * Remembered evictions per namespace; beyond it the oldest are forgotten and the horizon rises. All namespaces of a cache
   * remember 16 times as many together, at least 4096: beyond it each of them forgets half.
   * @default 4096
   */
  readonly maxRememberedEvictions?: number
  /** Loads of a just-evicted key stay uncached for this long, for sources that lag (read replicas). @default 0 */
  readonly settle?: Duration

  /**
   * The longest that a value lives which comes from the log or a shared tier, whatever TTL it names: counted from the start
   * of its load. @default ten times the namespace's `ttl`, and at least a day
   */
  readonly maxTtl?: Duration
  /** Publish an eviction when a value's TTL ends here. what has to make room is never published. @default false */
  readonly announceExpiry?: boolean
  /** @default '30s' */
  readonly hardTimeout?: Duration
  /** How messages are written, and what more can be read. JSON is always understood. @default JSON */
  readonly codec?: Codec
  /** Messages larger than this are gzipped; `Infinity` for never. @default 1024 */
  readonly gzipAboveBytes?: number
  /** The largest message that is written, its signature included, or inflated while reading. @default 1_000_000 */
  readonly maxMessageBytes?: number
  /**
   * Freezes what is held, deeply: a reader that changes what it got, which all readers share, meets a `TypeError` instead of
   * changing it for the others. A `Map`, a `Date` and bytes can be changed by their methods all the same.
   * @default false
   */
  readonly freeze?: boolean
  /**
   * Called with everything that happens, and with the trace that it is of, where there is one: see {@link EventListener}.
   * Must not throw; what it throws is ignored.
   */
  readonly onEvent?: EventListener
  /** Clocks, randomness, timers. @default `systemRuntime()` */
  readonly runtime?: Runtime
}

export interface NamespaceOptions<T> extends Lifetime<T> {
  /**
   * Checks values that come from the log or a shared tier, at once: a schema of zod, zod/mini or another Standard Schema.
   * Values of your own loaders are trusted.
   */
  readonly schema?: Schema<T>
  readonly tags?: (value: T) => readonly string[]
  readonly timeout?: Duration
  readonly hardTimeout?: Duration
  /** This namespace's part of `maxEntries`. @default all of it */
  readonly maxEntries?: number
  /** This namespace's part of `maxBytes`. @default all of it */
  readonly maxBytes?: number
  readonly settle?: Duration
  /** The longest that a value from the log or a shared tier lives. @default as the cache has it */
  readonly maxTtl?: Duration
  readonly announceExpiry?: boolean
  /**
   * Features of the cache that take no part in this namespace, by their names: `['sharedTier', 'replicate']` keeps its
   * values in this isolate. A name that no feature has is refused; those of kedge may be given where they are not used.
   * @default none
   */
  readonly without?: readonly string[]
  /** Freezes what is held, deeply. @default as the cache has it */
  readonly freeze?: boolean
  /** The size of a value in bytes. @default an estimate by walking it */
  readonly sizeOf?: (value: T) => number
}
