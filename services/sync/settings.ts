/**
 * The options of a sync, checked and with their defaults.
 *
 * @module
 */
import * as z from 'zod/mini'
import { issueMessage } from '../../src/api/issue-message.ts'
import { json } from '../../src/wire/codec.ts'
import type { Codec } from '../../src/wire/codec.ts'
import { durationMs } from '../../src/runtime/duration.ts'
import type { KafkaLog } from '../../src/ports/kafka-log.ts'
import { NAMESPACE_PATTERN } from '../../src/wire/ids.ts'
import { lifetimeMs } from '../../src/runtime/duration.ts'
import { harmless } from '../../src/runtime/listener.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import type { Runtime } from '../../src/ports/runtime.ts'
import type { Sink } from '../../src/ports/sink.ts'
import type { SyncListener } from './events.ts'
import type { SyncFormat, SyncOptions, SyncRecord } from './options.ts'
import { parseFieldPath } from './field-path.ts'
import type { FieldPath } from './field-path.ts'
import { streamName } from './stream-name.ts'
import { parseTemplate } from './template.ts'
import type { Template } from './template.ts'

export interface SyncSettings {
  readonly log: KafkaLog
  readonly topic: string
  readonly sink: Sink
  readonly key: Template | ((record: SyncRecord) => string | undefined)
  readonly keyFormat: 'text' | 'json'
  readonly value:
    | { readonly path: FieldPath }
    | { readonly paths: readonly FieldPath[] }
    | ((record: SyncRecord) => unknown)
    | undefined
  readonly ttl: { readonly ms: number } | { readonly path: FieldPath } | undefined
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
export const count: z.ZodMiniType<number> = z
  .int({ error: wholeError })
  .check(z.positive({ error: wholeError }))
const text = z.string({ error: 'must be a string' }).check(z.minLength(1, { error: 'must not be empty' }))
export const duration: z.ZodMiniType<number | string> = z.union([z.number(), z.string()], {
  error: 'must be a duration',
})
export const callback: z.ZodMiniType = z.custom((value) => typeof value === 'function', {
  error: 'must be a function',
})
export const hasMethods = (...names: string[]): z.ZodMiniType =>
  z.custom(
    (value) =>
      names.every((name) => typeof (value as Record<string, unknown> | undefined)?.[name] === 'function'),
    { error: `must have ${names.join(', ')}` },
  )
export const topicName: z.ZodMiniType<string> = z
  .string()
  .check(z.regex(/^(?!\.\.?$)[A-Za-z0-9._-]{1,249}$/, { error: 'must be the name of a topic' }))

const shape = z.required(
  z.partial(
    z.strictObject({
      kafka: hasMethods('produce', 'offsets', 'read'),
      topic: topicName,
      sink: hasMethods('state', 'begin', 'write'),
      key: z.union([text, callback], { error: 'must be a template or a function' }),
      value: z.union([text, z.array(text).check(z.minLength(1)), callback], {
        error: 'must be a field, a list of fields or a function',
      }),
      ttl: z.union([duration, z.strictObject({ field: text })], { error: 'must be a duration or { field }' }),
      ttlFrom: z.enum(['record', 'write']),
      keyFormat: z.enum(['text', 'json']),
      format: z.enum(['auto', 'kedge', 'json', 'string', 'bytes', 'messagepack', 'debezium']),
      encode: z.enum(['json', 'text']),
      codec: hasMethods('encode', 'decode', 'detects'),
      namespaces: z
        .array(z.string().check(z.regex(NAMESPACE_PATTERN, { error: 'must be names of namespaces' })))
        .check(z.minLength(1)),
      version: z.union([z.enum(['auto', 'timestamp']), callback], {
        error: "must be 'auto', 'timestamp' or a function",
      }),
      emptyDeletes: z.boolean(),
      stream: z
        .string()
        .check(z.regex(NAMESPACE_PATTERN, { error: 'must be 1 to 64 letters, digits, `.`, `_`, `-`' })),
      isolation: z.enum(['committed', 'uncommitted']),
      deadLetters: topicName,
      maxBatch: count,
      maxReadBytes: count,
      maxKeyBytes: count,
      maxMessageBytes: count,
      maxLag: z.partial(z.strictObject({ records: count, time: duration })),
      drain: duration,
      onWritten: callback,
      onEvent: callback,
      runtime: hasMethods('now', 'monotonic', 'random', 'sleep', 'microtask'),
    }),
  ),
  { kafka: true, topic: true, sink: true, key: true },
)

/** @throws TypeError quoting the option that is wrong. */
export function syncSettings(options: SyncOptions): SyncSettings {
  check(shape, options, 'createSync')
  const { topic, key, value, format = 'auto', isolation = 'committed', maxLag = {} } = options
  must(
    isolation === 'uncommitted' || options.kafka.capabilities.readCommitted,
    "`isolation: 'committed'` needs a log that reads committed records; where no producer uses transactions, set `isolation: 'uncommitted'`",
  )
  must(options.deadLetters !== topic, '`deadLetters` must differ from `topic`')
  must(
    format !== 'kedge' || options.kafka.signedTopics?.has(topic) !== false,
    '`topic` must be among the `topics` of signed()',
  )
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
export function check(of: z.ZodMiniType, options: unknown, what: string): void {
  const issue = of.safeParse(options, { error: issueMessage }).error?.issues[0]
  if (issue === undefined) return
  if (issue.code === 'unrecognized_keys')
    throw new TypeError(`\`${[...issue.path, issue.keys[0]].join('.')}\` is not an option of ${what}()`)
  throw new TypeError(`\`${issue.path.join('.') || 'options'}\`: ${issue.message}`)
}

/** What determines the keys in the store: with another meaning of `{key}` all keys change. */
function templateOf({ key, keyFormat, format }: SyncOptions): string {
  const template = typeof key === 'string' ? key : ''
  const reading = format === 'debezium' ? format : keyFormat
  return reading === undefined || reading === 'text' ? template : `${template} ${reading}`
}

function projectionOf(value: SyncOptions['value']): SyncSettings['value'] {
  if (value === undefined || typeof value === 'function') return value
  if (typeof value === 'string') return { path: parseFieldPath(value, 'value') }
  return { paths: value.map((each) => parseFieldPath(each, 'value')) }
}

function lifeOf(ttl: SyncOptions['ttl']): SyncSettings['ttl'] {
  if (ttl === undefined) return undefined
  if (typeof ttl === 'object') return { path: parseFieldPath(ttl.field, 'ttl') }
  const ms = lifetimeMs(ttl)
  if (ms === undefined || ms === 0)
    throw new TypeError("`ttl` must be milliseconds or a duration such as '10m' or '90d', longer than 0")
  return { ms }
}

function must(holds: boolean, message: string): void {
  if (!holds) throw new TypeError(message)
}
