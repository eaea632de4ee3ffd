/**
 * The options of a sync: their meaning, defaults, and checks.
 *
 * @module
 */
import * as z from 'zod'
import { json } from '../src/codec.ts'
import type { Codec } from '../src/codec.ts'
import { durationMs } from '../src/duration.ts'
import type { KafkaLog } from '../src/log.ts'
import { NAMESPACE_PATTERN } from '../src/ids.ts'
import { systemRuntime } from '../src/runtime.ts'
import type { Runtime } from '../src/runtime.ts'
import type { Sink } from '../src/sink.ts'
import type { Duration } from '../src/types.ts'
import type { SyncListener } from './events.ts'
import { lifeMs } from './life.ts'
import { parsePath } from './path.ts'
import type { Path } from './path.ts'
import { streamName } from './stream-name.ts'
import { parseTemplate } from './template.ts'
import type { Template } from './template.ts'

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

export interface SyncSettings {
  readonly log: KafkaLog
  readonly topic: string
  readonly sink: Sink
  readonly key: Template | ((record: SyncRecord) => string | undefined)
  readonly keyFormat: 'text' | 'json'
  readonly value:
    | { readonly path: Path }
    | { readonly paths: readonly Path[] }
    | ((record: SyncRecord) => unknown)
    | undefined
  readonly ttl: { readonly ms: number } | { readonly path: Path } | undefined
  readonly ttlFrom: 'record' | 'write'
  readonly format: SyncFormat
  readonly encode: 'json' | 'text'
  readonly codec: Codec
  readonly namespaces: ReadonlySet<string> | undefined
  readonly version: 'auto' | 'timestamp' | ((record: SyncRecord) => number)
  readonly emptyDeletes: boolean
  readonly stream: string
  readonly isolation: 'committed' | 'uncommitted'
  readonly deadLetters: string | undefined
  readonly maxBatch: number
  readonly maxReadBytes: number
  readonly maxKeyBytes: number
  readonly maxMessageBytes: number
  readonly maxLagRecords: number
  readonly maxLagMs: number
  readonly drainMs: number
  readonly onWritten: SyncOptions['onWritten']
  readonly emit: SyncListener
  readonly runtime: Runtime
}

const wholeError = 'must be a whole number of at least 1'
export const count: z.ZodType<number> = z.int({ error: wholeError }).positive({ error: wholeError })
const text = z.string({ error: 'must be a string' }).min(1, { error: 'must not be empty' })
export const duration: z.ZodType<number | string> = z.union([z.number(), z.string()], {
  error: 'must be a duration',
})
export const callback: z.ZodType = z.custom<unknown>((value) => typeof value === 'function', {
  error: 'must be a function',
})
export const hasMethods = (...names: string[]): z.ZodType =>
  z.custom<unknown>(
    (value) =>
      names.every((name) => typeof (value as Record<string, unknown> | undefined)?.[name] === 'function'),
    { error: `must have ${names.join(', ')}` },
  )
export const topicName: z.ZodType<string> = z
  .string()
  .regex(/^(?!\.\.?$)[A-Za-z0-9._-]{1,249}$/, { error: 'must be the name of a topic' })

const shape = z
  .strictObject({
    kafka: hasMethods('produce', 'offsets', 'read'),
    topic: topicName,
    sink: hasMethods('state', 'begin', 'write'),
    key: z.union([text, callback], { error: 'must be a template or a function' }),
    value: z.union([text, z.array(text).min(1), callback], {
      error: 'must be a field, a list of fields or a function',
    }),
    ttl: z.union([duration, z.strictObject({ field: text })], { error: 'must be a duration or { field }' }),
    ttlFrom: z.enum(['record', 'write']),
    keyFormat: z.enum(['text', 'json']),
    format: z.enum(['auto', 'kedge', 'json', 'string', 'bytes', 'messagepack', 'debezium']),
    encode: z.enum(['json', 'text']),
    codec: hasMethods('encode', 'decode', 'detects'),
    namespaces: z.array(z.string().regex(NAMESPACE_PATTERN, { error: 'must be names of namespaces' })).min(1),
    version: z.union([z.enum(['auto', 'timestamp']), callback], {
      error: "must be 'auto', 'timestamp' or a function",
    }),
    emptyDeletes: z.boolean(),
    stream: z.string().regex(NAMESPACE_PATTERN, { error: 'must be 1 to 64 letters, digits, `.`, `_`, `-`' }),
    isolation: z.enum(['committed', 'uncommitted']),
    deadLetters: topicName,
    maxBatch: count,
    maxReadBytes: count,
    maxKeyBytes: count,
    maxMessageBytes: count,
    maxLag: z.strictObject({ records: count, time: duration }).partial(),
    drain: duration,
    onWritten: callback,
    onEvent: callback,
    runtime: hasMethods('now', 'monotonic', 'random', 'sleep', 'microtask'),
  })
  .partial()
  .required({ kafka: true, topic: true, sink: true, key: true })

/** @throws TypeError quoting the option that is wrong. */
export function syncSettings(options: SyncOptions): SyncSettings {
  check(shape, options, 'createSync')
  const { topic, key, value, format = 'auto', isolation = 'committed', maxLag = {} } = options
  must(
    isolation === 'uncommitted' || options.kafka.capabilities.readCommitted,
    "`isolation: 'committed'` needs a log that reads committed records; where nobody writes in transactions, set `isolation: 'uncommitted'`",
  )
  must(options.deadLetters !== topic, '`deadLetters` must not be the topic itself')
  must(format !== 'messagepack' || options.codec !== undefined, "`format: 'messagepack'` needs a `codec`")
  must(
    format !== 'debezium' || options.keyFormat === undefined,
    "`keyFormat` is not for `format: 'debezium'`, whose keys are read as JSON",
  )
  const template = typeof key === 'string' ? parseTemplate(key) : key
  const hasFields = format !== 'string' && format !== 'bytes'
  const needsFields =
    (typeof template === 'object' && template.usesValue) ||
    (value !== undefined && typeof value !== 'function') ||
    typeof options.ttl === 'object'
  must(
    hasFields || !needsFields,
    `\`format: '${format}'\` has no fields that \`key\`, \`value\` or \`ttl\` could name`,
  )
  const maxLagMs = durationMs(maxLag.time ?? '30s', 'maxLag.time')
  must(maxLagMs > 0, '`maxLag.time` must be longer than 0')
  return {
    log: options.kafka,
    topic,
    sink: options.sink,
    key: template,
    keyFormat: options.keyFormat ?? 'text',
    value: projectionOf(value),
    ttl: lifeOf(options.ttl),
    ttlFrom: options.ttlFrom ?? 'record',
    format,
    encode: options.encode ?? 'json',
    codec: options.codec ?? json,
    namespaces: options.namespaces && new Set(options.namespaces),
    version: options.version ?? 'auto',
    emptyDeletes: options.emptyDeletes ?? false,
    stream: options.stream ?? streamName(topic, templateOf(options)),
    isolation,
    deadLetters: options.deadLetters,
    maxBatch: options.maxBatch ?? 1000,
    maxReadBytes: options.maxReadBytes ?? 1_000_000,
    maxKeyBytes: options.maxKeyBytes ?? 1024,
    maxMessageBytes: options.maxMessageBytes ?? 4_000_000,
    maxLagRecords: maxLag.records ?? Infinity,
    maxLagMs,
    drainMs: durationMs(options.drain ?? '10s', 'drain'),
    onWritten: options.onWritten,
    emit: harmless(options.onEvent),
    runtime: options.runtime ?? systemRuntime(),
  }
}

/** @throws TypeError quoting the option that is wrong. */
export function check(of: z.ZodType, options: unknown, what: string): void {
  const issue = of.safeParse(options).error?.issues[0]
  if (issue === undefined) return
  if (issue.code === 'unrecognized_keys')
    throw new TypeError(`\`${[...issue.path, issue.keys[0]].join('.')}\` is not an option of ${what}()`)
  throw new TypeError(`\`${issue.path.join('.') || 'options'}\`: ${issue.message}`)
}

/** What decides on the keys in the store: by another meaning of `{key}` all of them are others. */
function templateOf({ key, keyFormat, format }: SyncOptions): string {
  const template = typeof key === 'string' ? key : ''
  const reading = format === 'debezium' ? format : keyFormat
  return reading === undefined || reading === 'text' ? template : `${template} ${reading}`
}

function projectionOf(value: SyncOptions['value']): SyncSettings['value'] {
  if (value === undefined || typeof value === 'function') return value
  if (typeof value === 'string') return { path: parsePath(value, 'value') }
  return { paths: value.map((each) => parsePath(each, 'value')) }
}

function lifeOf(ttl: SyncOptions['ttl']): SyncSettings['ttl'] {
  if (ttl === undefined) return undefined
  if (typeof ttl === 'object') return { path: parsePath(ttl.field, 'ttl') }
  const ms = lifeMs(ttl)
  if (ms === undefined || ms === 0)
    throw new TypeError("`ttl` must be milliseconds or a duration such as '10m' or '90d', longer than 0")
  return { ms }
}

function harmless(listener: SyncListener | undefined): SyncListener {
  return (event) => {
    try {
      const said: unknown = listener?.(event)
      if (said instanceof Promise) said.catch(() => undefined)
    } catch {
      // A broken listener must not break the sync, and there is nobody else to tell.
    }
  }
}

function must(holds: boolean, message: string): void {
  if (!holds) throw new TypeError(message)
}
