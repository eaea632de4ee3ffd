/**
 * The options of a sync: their meaning and defaults.
 *
 * @module
 */
import type { Codec } from '../src/codec.ts'
import type { KafkaLog } from '../src/log.ts'
import type { Runtime } from '../src/runtime.ts'
import type { Sink } from '../src/sink.ts'
import type { Duration } from '../src/types.ts'
import type { SyncListener } from './events.ts'

/** A record as the functions of the options see it. */
export interface SyncRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Milliseconds since the epoch, where the log tells it. */
  readonly timestamp: number | undefined
  /** The record's key as text, or the key of kedge's message in it. */
  readonly key: string | undefined
  /** Namespace of kedge's message. */
  readonly ns: string | undefined
  /**
   * Decoded; `undefined` for a tombstone. A number that no double holds is an object whose `toString()` has its digits:
   * put it into a text or return it as it is.
   */
  readonly value: unknown
}

/** A key that was written to the store, or deleted there, and the last record that said so. */
export interface Written {
  /** In the store. */
  readonly key: string
  readonly record: SyncRecord
}

export type SyncFormat = 'auto' | 'kedge' | 'json' | 'string' | 'bytes' | 'messagepack' | 'debezium'

export interface SyncOptions {
  /** How Kafka is reached. */
  readonly kafka: KafkaLog
  readonly topic: string
  /** The store: `redisSink()`, `memcachedSink()`, or `memorySink()` of `kedge/testing`. */
  readonly sink: Sink
  /**
   * The key in the store: a template such as `user:{key}:latest`, `{order:{key}}:header` (the outer braces are a hash
   * tag of Redis Cluster), `order:{key.id}` (a field of a key that is JSON) or `customer:{value.customer.id}`; or a
   * function. A record for which it gives nothing goes to the dead letters.
   */
  readonly key: string | ((record: SyncRecord) => string | undefined)
  /**
   * What `{key}` stands for: the record's key as it stands, or the text in a key that is a JSON text, without its quotes
   * (as REST proxies write it in their JSON format); other keys then go to the dead letters. Debezium's keys are
   * read as JSON always. @default 'text'
   */
  readonly keyFormat?: 'text' | 'json'
  /**
   * The value in the store: a field (`'total'`, `'customer.name'`), an object of several fields, or what a function
   * returns (bytes are written as they are). A field that is null, and a function that returns null or `undefined`,
   * deletes the key, as a null record does. @default the record's whole value; of Debezium the row
   */
  readonly value?: string | readonly string[] | ((record: SyncRecord) => unknown)
  /**
   * How long a value lives: a duration, or the field that says it (a number of **milliseconds**, or a text such as `'5m'`).
   * kedge's own updates have one of their own; the shorter one counts. @default for ever
   */
  readonly ttl?: Duration | { readonly field: string }
  /**
   * From when `ttl` counts: from the time of the record, where the log tells it, so that what is over is not brought
   * back by reading the topic again; or from the write. @default 'record'
   */
  readonly ttlFrom?: 'record' | 'write'
  /**
   * What the values are. `'auto'`: kedge's own updates, JSON, MessagePack where `codec` is given, and anything else
   * as it is. `'debezium'`: change events of Debezium in JSON, with or without their schema; the value is then the row, and
   * `{key}` the text of its key columns.
   * @default 'auto'
   */
  readonly format?: SyncFormat
  /**
   * How values that are made here (fields, those of kedge's updates) are written: as JSON, or texts and numbers as
   * they stand and the rest as JSON. @default 'json'
   */
  readonly encode?: 'json' | 'text'
  /**
   * For MessagePack: `messagePack()` of `kedge/adapters/messagepack`. Where it may have rounded an integer of 64 bits that
   * is needed, the record goes to the dead letters. @default JSON alone
   */
  readonly codec?: Codec
  /** Of kedge's own updates: the namespaces that are wanted. @default all */
  readonly namespaces?: readonly string[]
  /**
   * Which of two records of a key is the newer one. `'auto'`: the one with the higher offset, and of kedge's own
   * updates the one with the higher as-of or row version. Offsets of different partitions do not compare: where keys
   * move between partitions (a topic that grew, keys made of values), give `'timestamp'`, or a function.
   * @default 'auto'
   */
  readonly version?: 'auto' | 'timestamp' | ((record: SyncRecord) => number)
  /** An empty value deletes, as a null does: for proxies that turn one into the other. @default false */
  readonly emptyDeletes?: boolean
  /**
   * What the store knows this stream as: positions are kept under it. At most 64 letters, digits, `.`, `_`, `-`.
   * @default made of the topic, the template, and how keys are read
   */
  readonly stream?: string
  /** Whether records of open and aborted transactions are used. @default 'committed' */
  readonly isolation?: 'committed' | 'uncommitted'
  /** The topic for records that cannot be used. @default none: they are counted, and said by an event */
  readonly deadLetters?: string
  /** Records of a partition that are written at once. @default 1000 */
  readonly maxBatch?: number
  /** The largest answer asked of a read, in bytes; two are held at most. @default 1_000_000 */
  readonly maxReadBytes?: number
  /** The longest key in the store, in UTF-8 bytes. @default 1024 */
  readonly maxKeyBytes?: number
  /** The largest message that is inflated. @default 4_000_000 */
  readonly maxMessageBytes?: number
  /** Above this it is not ready, and `pressure()` is 1. @default 30 seconds, any number of records */
  readonly maxLag?: { readonly records?: number; readonly time?: Duration }
  /** After the signal: how long the batch in hand may take to be written. @default '10s' */
  readonly drain?: Duration
  /**
   * Awaited after the store has acknowledged the writes of a batch, and before the batch's position moves: for what must
   * follow them, such as the eviction of these keys from caches that read the store. Where it fails or the process dies
   * before it resolves, it is called again with the same keys, at the latest by the sync that is started next: at least
   * once for every record, also while an empty store is filled.
   *
   * Keys are told whether or not they changed; those that the store refused are left out. Partitions call it side by
   * side. It has 30 seconds a call. What it rejects with decides: a `KedgeError` that is retryable is tried again
   * like a failure of the store, and reading pauses; anything else ends `run` and `step`.
   * @default none
   */
  readonly onWritten?: (
    written: readonly Written[],
    options: { readonly signal: AbortSignal },
  ) => void | Promise<unknown>
  readonly onEvent?: SyncListener
  /** Clocks, randomness, timers. @default `systemRuntime()` */
  readonly runtime?: Runtime
}
