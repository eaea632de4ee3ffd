/**
 * Options, checked and completed: what the rest of the core works with.
 *
 * @module
 */
import * as z from 'zod'
import { json } from '../wire/codec.ts'
import type { BreakerLimits } from '../runtime/circuit-breaker.ts'
import type { Codec } from '../wire/codec.ts'
import { durationMs } from '../runtime/duration.ts'
import { emitTo } from './events.ts'
import type { Emit } from './events.ts'
import type { KafkaLog } from '../ports/kafka-log.ts'
import { MAX_INTENT_MS } from '../wire/messages.ts'
import { must } from './must.ts'
import type { CacheOptions, NamespaceOptions, TopicNames } from './options.ts'
import { ttlOver, windowsOver } from './lifetime-options.ts'
import type { OwnWindows } from './lifetime-options.ts'
import { systemRuntime } from '../ports/runtime.ts'
import type { Runtime } from '../ports/runtime.ts'
import type { Tier } from '../ports/tier.ts'
import { times } from './log-times.ts'
import type { Times } from './log-times.ts'
import type { Duration, LoadOptions, SetOptions } from './types.ts'

/** What holds for one load: the options of the call over those of the namespace over those of the cache. */
export interface LoadSettings extends OwnWindows {
  readonly ttl: Duration | ((value: never) => Duration | undefined)
  /** Of values that have none of their own. */
  readonly swrMs: number
  readonly staleIfErrorMs: number
  readonly jitter: number
  /** `Infinity` for none. */
  readonly timeoutMs: number
  readonly hardTimeoutMs: number
  readonly tags: readonly string[] | ((value: never) => readonly string[]) | undefined
  readonly via: 'self' | 'loader'
  readonly loaderWaitMs: number
}

export interface NamespaceSettings {
  readonly load: LoadSettings
  readonly schema: z.ZodType | undefined
  readonly maxEntries: number
  readonly maxBytes: number
  readonly maxEntryBytes: number
  readonly share: boolean
  readonly acceptSimpleValues: boolean
  readonly settleMs: number
  /** The longest that an intent may last; 0 where writers announce none. */
  readonly intentsMs: number
  readonly announceExpiry: boolean
  readonly tier: boolean
  readonly freeze: boolean
  readonly sizeOf: ((value: never) => number) | undefined
}

/** What concerns a shared tier. */
interface TierSettings {
  readonly tier: Tier | undefined
  readonly tierTimeoutMs: number
  readonly tierHardTimeoutMs: number
  readonly tierBreaker: Omit<BreakerLimits, 'leaseMs'>
  /** `undefined`: as far as its namespaces have a use for. */
  readonly lookBack: number | undefined
}

export interface Settings extends TierSettings, Times {
  readonly log: KafkaLog
  readonly evictionsTopic: string
  readonly updatesTopic: string
  readonly requestsTopic: string
  readonly writesTopic: string
  readonly writePartitions: number
  readonly evictionPartitions: number
  readonly updatePartitions: number
  readonly requestPartitions: number
  readonly replicate: boolean
  readonly maxEntries: number
  readonly maxBytes: number
  readonly onUnreachable: 'stale' | 'bypass' | 'throw'
  readonly maxCatchUpRecords: number
  readonly maxPollBytes: number
  readonly maxLoads: number
  readonly maxBypassLoads: number
  readonly maxRememberedEvictions: number
  readonly updatesIsolation: 'committed' | 'uncommitted'
  readonly codec: Codec
  readonly gzipAboveBytes: number
  readonly pace: CacheOptions['pace']
  readonly maxMessageBytes: number
  readonly emit: Emit
  readonly runtime: Runtime
  /** What namespaces begin with. */
  readonly namespace: NamespaceSettings
}

const count = z.number().int().positive()
const duration = z.union([z.number(), z.string()])
const intentsOption = z.union([z.boolean(), duration])
const callback = z.custom<unknown>((value) => typeof value === 'function', 'must be a function')
const lifetime = {
  ttl: z.union([duration, callback]),
  swr: z.union([duration, callback]),
  staleIfError: z.union([duration, callback]),
  jitter: z.number().min(0).max(1),
}
const loading = {
  timeout: duration,
  hardTimeout: duration,
  via: z.enum(['self', 'loader']),
  loaderWait: duration,
}
const hasMethods = (...names: string[]) =>
  z.custom<unknown>(
    (value) =>
      names.every((name) => typeof (value as Record<string, unknown> | undefined)?.[name] === 'function'),
    `must have ${names.join(', ')}`,
  )
const hasCapabilities = (log: unknown): boolean => typeof (log as Partial<KafkaLog>).capabilities === 'object'
// The names that Kafka allows (org.apache.kafka.common.internals.Topic).
const topic = z.string().regex(/^(?!\.\.?$)[A-Za-z0-9._-]{1,249}$/)

const cacheOptions = z
  .strictObject({
    ...lifetime,
    kafka: hasMethods('produce', 'offsets', 'read').refine(hasCapabilities, 'must have capabilities'),
    topics: z.strictObject({ evictions: topic, updates: topic, requests: topic, writes: topic }).partial(),
    // A token has room for so many.
    evictionPartitions: count.max(100),
    updatePartitions: count.max(1000),
    writePartitions: count.max(1000),
    requestPartitions: count.max(1000),
    mode: z.enum(['invalidate', 'replicate']),
    updatesIsolation: z.enum(['committed', 'uncommitted']),
    maxEntries: count,
    maxBytes: count,
    maxEntryBytes: count,
    maxStaleness: duration,
    refreshAfter: duration,
    pollTimeout: duration,
    publishTimeout: duration,
    onUnreachable: z.enum(['stale', 'bypass', 'throw']),
    maxOutage: duration,
    maxCatchUpRecords: count,
    maxPollBytes: count,
    maxLoads: count,
    maxBypassLoads: count,
    maxRememberedEvictions: count,
    settle: duration,
    intents: intentsOption,
    announceExpiry: z.boolean(),
    hardTimeout: duration,
    tier: hasMethods('getMany', 'setMany', 'deleteMany'),
    tierTimeout: duration,
    tierHardTimeout: duration,
    tierBreaker: z.strictObject({ failures: count, pause: duration, maxPause: duration }).partial(),
    lookBack: count.or(z.literal(0)),
    codec: hasMethods('encode', 'decode', 'detects'),
    pace: callback,
    gzipAboveBytes: z.number().nonnegative().or(z.literal(Infinity)),
    maxMessageBytes: count,
    freeze: z.boolean(),
    onEvent: callback,
    runtime: hasMethods('now', 'monotonic', 'random', 'sleep', 'microtask'),
  })
  .partial()
  .required({ kafka: true })

const namespaceOptions = z
  .strictObject({
    ...lifetime,
    schema: hasMethods('safeParse'),
    ...loading,
    tags: callback,
    maxEntries: count,
    maxBytes: count,
    share: z.boolean(),
    acceptSimpleValues: z.boolean(),
    settle: duration,
    intents: intentsOption,
    announceExpiry: z.boolean(),
    tier: z.boolean(),
    freeze: z.boolean(),
    sizeOf: callback,
  })
  .partial()

const loadOptions = z
  .strictObject({
    ...lifetime,
    after: z.string(),
    signal: z.custom<unknown>((value) => value instanceof AbortSignal, 'must be an AbortSignal'),
    ...loading,
    tags: z.union([z.array(z.string()), callback]),
  })
  .partial()

const setOptions = z
  .strictObject({
    ttl: lifetime.ttl,
    tags: z.array(z.string()),
    version: z.number(),
    signal: loadOptions.shape.signal,
  })
  .partial()

const setManyOptions = setOptions.omit({ version: true }).extend({ domain: z.string() }).partial()

const writeThroughOptions = setOptions
  .omit({ version: true })
  .extend({ intent: z.union([duration, z.literal(false)]) })
  .partial()

const writeBehindOptions = z
  .strictObject({ maxPending: duration, signal: loadOptions.shape.signal })
  .partial()

const readOptions = loadOptions.pick({ after: true, signal: true })
const scopeOptions = loadOptions.pick({ after: true }).extend({ onRead: callback }).partial()
const prewarmOptions = z
  .strictObject({ maxRecords: count, maxBytes: count, budget: duration, signal: loadOptions.shape.signal })
  .partial()

/** @throws TypeError quoting the option that is wrong. */
export function checkOptions(
  options: object,
  of: 'read' | 'scope' | 'prewarm' | 'through' | 'behind' | 'many',
): void {
  const schemas = {
    read: readOptions,
    scope: scopeOptions,
    prewarm: prewarmOptions,
    through: writeThroughOptions,
    behind: writeBehindOptions,
    many: setManyOptions,
  }
  check(schemas[of], options)
}

/** @throws TypeError quoting the option that is wrong. */
export function checkWriteOptions(
  options: SetOptions<never> | undefined,
  allows: 'set' | 'delete' | 'evict',
): void {
  if (options === undefined) return
  if (allows === 'set') check(setOptions, options)
  else
    check(
      setOptions.pick(allows === 'delete' ? { version: true, signal: true } : { signal: true }).strict(),
      options,
    )
}

function check(schema: z.ZodType, options: unknown): void {
  const issue = schema.safeParse(options).error?.issues[0]
  if (issue === undefined) return
  if (issue.code === 'unrecognized_keys') throw new TypeError(`unknown option \`${issue.keys[0]}\``)
  throw new TypeError(`\`${issue.path.join('.') || 'options'}\`: ${issue.message}`)
}

type Topics = Pick<Settings, 'evictionsTopic' | 'updatesTopic' | 'requestsTopic' | 'writesTopic'>

function topicsOf({
  evictions = 'cache-evictions',
  updates = 'cache-updates',
  requests = 'cache-requests',
  writes = 'cache-writes',
}: TopicNames = {}): Topics {
  const names = { evictions, updates, requests, writes }
  const others = new Set<string>()
  for (const [which, name] of Object.entries(names)) {
    must(!others.has(name), `\`topics.${which}\` must not be the topic of anything else`)
    others.add(name)
  }
  return { evictionsTopic: evictions, updatesTopic: updates, requestsTopic: requests, writesTopic: writes }
}

const DEFAULT_INTENTS_MS = 60_000

const LOAD_DEFAULTS: LoadSettings = {
  ttl: '5m',
  swrMs: 0,
  staleIfErrorMs: 0,
  jitter: 0,
  timeoutMs: Infinity,
  hardTimeoutMs: 30_000,
  tags: undefined,
  via: 'self',
  loaderWaitMs: 2000,
}

/** @throws TypeError quoting the option that is wrong. */
export function cacheSettings(options: CacheOptions): Settings {
  must(
    typeof options !== 'object' || options === null || (options as Partial<CacheOptions>).kafka !== undefined,
    '`kafka` is missing: give the log, as in createCache({ kafka: confluent({ url }) })',
  )
  check(cacheOptions, options)
  const maxBytes = options.maxBytes ?? 32_000_000
  const maxEntries = options.maxEntries ?? 10_000
  const maxEntryBytes = options.maxEntryBytes ?? Math.ceil(maxBytes / 4)
  const replicate = options.mode === 'replicate'
  const updatesIsolation = options.updatesIsolation ?? 'committed'
  must(
    !replicate || updatesIsolation === 'uncommitted' || options.kafka.capabilities.readCommitted,
    "`mode: 'replicate'` needs a log that reads committed records; where no writer writes values in transactions, set `updatesIsolation: 'uncommitted'`",
  )
  must(maxEntryBytes <= maxBytes, '`maxEntryBytes` must not be larger than `maxBytes`')
  return {
    log: options.kafka,
    ...topicsOf(options.topics),
    evictionPartitions: options.evictionPartitions ?? 1,
    updatePartitions: options.updatePartitions ?? 1,
    writePartitions: options.writePartitions ?? 1,
    requestPartitions: options.requestPartitions ?? 1,
    replicate,
    maxEntries,
    maxBytes,
    ...times(options),
    onUnreachable: options.onUnreachable ?? 'stale',
    maxCatchUpRecords: options.maxCatchUpRecords ?? 10_000,
    maxPollBytes: options.maxPollBytes ?? 1_000_000,
    maxLoads: options.maxLoads ?? 256,
    maxBypassLoads: options.maxBypassLoads ?? 32,
    maxRememberedEvictions: options.maxRememberedEvictions ?? 4096,
    updatesIsolation,
    codec: options.codec ?? json,
    gzipAboveBytes: options.gzipAboveBytes ?? 1024,
    pace: options.pace,
    maxMessageBytes: options.maxMessageBytes ?? 1_000_000,
    ...tierSettings(options),
    emit: emitTo(options.onEvent),
    runtime: options.runtime ?? systemRuntime(),
    namespace: {
      load: over(LOAD_DEFAULTS, options),
      schema: undefined,
      maxEntries,
      maxBytes,
      maxEntryBytes,
      share: replicate,
      acceptSimpleValues: false,
      settleMs: options.settle === undefined ? 0 : durationMs(options.settle, 'settle'),
      intentsMs: intentsMs(options.intents, 0),
      announceExpiry: options.announceExpiry ?? false,
      tier: options.tier !== undefined,
      freeze: options.freeze ?? false,
      sizeOf: undefined,
    },
  }
}

function tierSettings(options: CacheOptions): TierSettings {
  const { tier, tierTimeout, tierHardTimeout = '500ms', tierBreaker = {}, lookBack } = options
  const { failures = 5, pause = '1s', maxPause = '30s' } = tierBreaker
  const tierHardTimeoutMs = durationMs(tierHardTimeout, 'tierHardTimeout')
  must(tierHardTimeoutMs > 0, '`tierHardTimeout` must be longer than 0: no call ends in no time')
  return {
    tier,
    tierTimeoutMs:
      tierTimeout === undefined ? Math.min(50, tierHardTimeoutMs) : durationMs(tierTimeout, 'tierTimeout'),
    tierHardTimeoutMs,
    tierBreaker: {
      failures,
      pauseMs: durationMs(pause, 'tierBreaker.pause'),
      maxPauseMs: durationMs(maxPause, 'tierBreaker.maxPause'),
    },
    lookBack,
  }
}

/** @throws TypeError quoting the option that is wrong. */
export function namespaceSettings<T>(
  options: NamespaceOptions<T>,
  base: NamespaceSettings,
): NamespaceSettings {
  check(namespaceOptions, options)
  const maxBytes = Math.min(options.maxBytes ?? base.maxBytes, base.maxBytes)
  return {
    load: over(base.load, options),
    schema: options.schema,
    maxEntries: Math.min(options.maxEntries ?? base.maxEntries, base.maxEntries),
    maxBytes,
    maxEntryBytes: Math.min(base.maxEntryBytes, maxBytes),
    share: options.share ?? base.share,
    acceptSimpleValues: options.acceptSimpleValues ?? false,
    settleMs: options.settle === undefined ? base.settleMs : durationMs(options.settle, 'settle'),
    intentsMs: intentsMs(options.intents, base.intentsMs),
    announceExpiry: options.announceExpiry ?? base.announceExpiry,
    tier: base.tier && (options.tier ?? true),
    freeze: options.freeze ?? base.freeze,
    sizeOf: options.sizeOf,
  }
}

/**
 * What holds for a call with these options.
 * @throws TypeError quoting the option that is wrong.
 */
export function loadSettings<T>(options: LoadOptions<T> | undefined, base: LoadSettings): LoadSettings {
  if (options === undefined) return base
  check(loadOptions, options)
  return over(base, options)
}

function intentsMs(intents: boolean | Duration | undefined, fallback: number): number {
  if (intents === undefined) return fallback
  const ms =
    typeof intents === 'boolean' ? (intents ? DEFAULT_INTENTS_MS : 0) : durationMs(intents, 'intents')
  must(ms <= MAX_INTENT_MS, `\`intents\` must be at most ${MAX_INTENT_MS} ms`)
  return ms
}

function over(base: LoadSettings, options: LoadOptions<never>): LoadSettings {
  const ms = (name: 'swr' | 'staleIfError' | 'timeout' | 'hardTimeout' | 'loaderWait', otherwise: number) => {
    const given = options[name]
    return given === undefined || typeof given === 'function' ? otherwise : durationMs(given, name)
  }
  if (options.ttl !== undefined && typeof options.ttl !== 'function') durationMs(options.ttl, 'ttl')
  return {
    ttl: ttlOver(options.ttl, base.ttl),
    swrMs: ms('swr', base.swrMs),
    staleIfErrorMs: ms('staleIfError', base.staleIfErrorMs),
    ...windowsOver(options, base),
    jitter: options.jitter ?? base.jitter,
    timeoutMs: ms('timeout', base.timeoutMs),
    hardTimeoutMs: ms('hardTimeout', base.hardTimeoutMs),
    tags: options.tags ?? base.tags,
    via: options.via ?? base.via,
    loaderWaitMs: ms('loaderWait', base.loaderWaitMs),
  }
}
