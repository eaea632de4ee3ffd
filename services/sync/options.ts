/**
 * The options of a sync: their meaning and defaults.
 *
 * @module
 */
import type { Codec } from '../../src/wire/codec.ts'
import type { KafkaLog } from '../../src/ports/kafka-log.ts'
import type { Runtime } from '../../src/ports/runtime.ts'
import type { Sink } from '../../src/ports/sink.ts'
import type { Duration } from '../../src/runtime/duration.ts'
import type { SyncListener } from './events.ts'

/** A record as the functions of the options see it. */
export interface SyncRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Milliseconds since the epoch, where the log gives one. */
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

/** A key that was written to the store or deleted there, and the record that caused it. */
export interface Written {
  /** The key in the store. */
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
   * How long a value lives: a duration, or the field that holds it (a number of **milliseconds**, or a text
   * such as `'5m'`). kedge's own updates carry a ttl of their own; the shorter one counts. @default for ever
   */
  readonly ttl?: Duration | { readonly field: string }
  /**
   * From when `ttl` counts: from the record's timestamp, where the log gives one, so that reading the topic
   * again does not bring expired values back; or from the write. @default 'record'
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
   * How the sync encodes values that it makes (fields, values of kedge's updates): all as JSON, or texts and
   * numbers as they stand and the rest as JSON. @default 'json'
   */
  readonly encode?: 'json' | 'text'
  /**
   * For MessagePack: `messagePack()` of `kedge/adapters/messagepack`. A record goes to the dead letters where
   * the codec may have rounded a 64-bit integer that the sync needs. @default JSON alone
   */
  readonly codec?: Codec
  /** The namespaces whose updates are written; for kedge's own updates. @default all */
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
   * The name under which the store keeps the positions. At most 64 letters, digits, `.`, `_`, `-`.
   * @default made of the topic, the template, and how keys are read
   */
  readonly stream?: string
  /** Whether records of open and aborted transactions are used. @default 'committed' */
  readonly isolation?: 'committed' | 'uncommitted'
  /** The topic for records that cannot be used. @default none: they are counted, and an event names each */
  readonly deadLetters?: string
  /** Records of a partition in one write, at most. @default 1000 */
  readonly maxBatch?: number
  /** The largest answer that a read asks for, in bytes; the sync holds two at most. @default 1_000_000 */
  readonly maxReadBytes?: number
  /** The longest key in the store, in UTF-8 bytes. @default 1024 */
  readonly maxKeyBytes?: number
  /** The largest message that is inflated. @default 4_000_000 */
  readonly maxMessageBytes?: number
  /**
   * Above this lag the sync is not ready, and `pressure()` is 1. @default 30 seconds, any number of records
   */
  readonly maxLag?: { readonly records?: number; readonly time?: Duration }
  /** How long the write of the current batch may take after the signal is aborted. @default '10s' */
  readonly drain?: Duration
  /**
   * Awaited after the store has acknowledged the writes of a batch, and before the batch's position moves:
   * for work that must follow them, such as evicting these keys from caches that read the store. Where it
   * fails, or the process dies before it resolves, the sync (or the next one that starts) calls it again with
   * the same keys: at least once for every record, also while an empty store is filled.
   *
   * It gets every written key, changed or not, without those that the store refused. Partitions call it
   * concurrently. Each call has 30 seconds. A rejection with a retryable `KedgeError` is tried again like a
   * failure of the store, and reading pauses; any other rejection ends `run` and `step`.
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
