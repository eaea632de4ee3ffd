/**
 * Options, checked and completed: what the rest of the core works with.
 *
 * @module
 */
import { json } from '../wire/codec.ts'
import type { Codec } from '../wire/codec.ts'
import { msOf } from '../runtime/duration.ts'
import { emitTo } from './events.ts'
import type { Emit } from './events.ts'
import type { KafkaLog } from '../ports/kafka-log.ts'
import { must } from './must.ts'
import type { BeginSending } from './sending.ts'
import type { CacheOptions, NamespaceOptions, TopicNames } from './options.ts'
import { LOAD_DEFAULTS, nearerLoadSettings } from './load-settings.ts'
import type { LoadSettings } from './load-settings.ts'
import { checkOptions } from './option-schemas.ts'
import type { Schema } from './schema.ts'
import { systemRuntime } from '../ports/runtime.ts'
import type { Runtime } from '../ports/runtime.ts'
import { times } from './log-times.ts'
import type { Times } from './log-times.ts'

export interface NamespaceSettings {
  readonly load: LoadSettings
  readonly schema: Schema<unknown> | undefined
  readonly maxEntries: number
  readonly maxBytes: number
  readonly maxEntryBytes: number
  readonly settleMs: number
  /** Of values from elsewhere; `undefined` for the default, which depends on the `ttl`. */
  readonly maxTtlMs: number | undefined
  readonly announceExpiry: boolean
  /** Names of features that take no part. */
  readonly without: readonly string[]
  readonly freeze: boolean
  readonly sizeOf: ((value: never) => number) | undefined
}

export interface Settings extends Times {
  readonly log: KafkaLog
  readonly evictionsTopic: string
  readonly updatesTopic: string
  readonly requestsTopic: string
  readonly writesTopic: string
  readonly writePartitions: number
  readonly evictionPartitions: number
  readonly updatePartitions: number
  readonly requestPartitions: number
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
  readonly maxMessageBytes: number
  /** Takes everything but what was served, which counters and `emitRead` tell. An observer that comes later hears it too. */
  emit: Emit
  /** Takes what was served, and what was not: an observer hears nothing of it, so that a hit costs it nothing. */
  emitRead: Emit
  /** Set by a feature that traces. */
  sending: BeginSending | undefined
  readonly runtime: Runtime
  /** What namespaces begin with. */
  readonly namespace: NamespaceSettings
}

type Topics = Pick<Settings, 'evictionsTopic' | 'updatesTopic' | 'requestsTopic' | 'writesTopic'>

function topicsOf(
  {
    evictions = 'cache-evictions',
    updates = 'cache-updates',
    requests = 'cache-requests',
    writes = 'cache-writes',
  }: TopicNames = {},
  { signedTopics }: KafkaLog,
): Topics {
  const names = { evictions, updates, requests, writes }
  const others = new Set<string>()
  for (const [which, name] of Object.entries(names)) {
    must(!others.has(name), `\`topics.${which}\` must differ from the other topics`)
    must(signedTopics?.has(name) ?? true, `\`topics.${which}\` must be among the \`topics\` of signed()`)
    others.add(name)
  }
  return { evictionsTopic: evictions, updatesTopic: updates, requestsTopic: requests, writesTopic: writes }
}

/** What holds where an option of the same name is not given. */
const DEFAULTS = {
  evictionPartitions: 1,
  updatePartitions: 1,
  writePartitions: 1,
  requestPartitions: 1,
  maxEntries: 10_000,
  maxBytes: 32_000_000,
  onUnreachable: 'stale',
  maxCatchUpRecords: 10_000,
  maxPollBytes: 1_000_000,
  maxLoads: 256,
  maxBypassLoads: 32,
  maxRememberedEvictions: 4096,
  updatesIsolation: 'committed',
  codec: json,
  gzipAboveBytes: 1024,
  maxMessageBytes: 1_000_000,
} satisfies Partial<Settings>

/** The options over what holds without them. */
function over<T extends object>(base: T, options: { readonly [name in keyof T]?: unknown }): T {
  const all: T = { ...base }
  for (const name in base) all[name] = (options[name] as T[typeof name] | undefined) ?? base[name]
  return all
}

/** @throws TypeError quoting the option that is wrong. */
export function cacheSettings(options: CacheOptions): Settings {
  must(
    typeof options !== 'object' || options === null || (options as Partial<CacheOptions>).kafka !== undefined,
    '`kafka` is missing: give the log, as in createCache({ kafka: gateway({ url }) })',
  )
  checkOptions(options, 'cache')
  const settings = over<Pick<Settings, keyof typeof DEFAULTS>>(DEFAULTS, options)
  const { maxEntries, maxBytes } = settings
  const emit = emitTo(options.onEvent)
  const maxEntryBytes = options.maxEntryBytes ?? Math.ceil(maxBytes / 4)
  must(maxEntryBytes <= maxBytes, '`maxEntryBytes` must not be larger than `maxBytes`')
  const base: NamespaceSettings = {
    load: LOAD_DEFAULTS,
    schema: undefined,
    maxEntries,
    maxBytes,
    maxEntryBytes,
    settleMs: 0,
    maxTtlMs: undefined,
    announceExpiry: false,
    without: [],
    freeze: false,
    sizeOf: undefined,
  }
  return {
    ...settings,
    log: options.kafka,
    ...topicsOf(options.topics, options.kafka),
    ...times(options),
    emit,
    emitRead: emit,
    sending: undefined,
    runtime: options.runtime ?? systemRuntime(),
    namespace: nearerSettings(options, base),
  }
}

/** @throws TypeError quoting the option that is wrong. */
export function namespaceSettings<T>(
  options: NamespaceOptions<T>,
  base: NamespaceSettings,
): NamespaceSettings {
  checkOptions(options, 'namespace')
  return nearerSettings(options, base)
}

/** The options of a namespace over what holds for all of them; those of the cache over the defaults. */
function nearerSettings<T>(options: NamespaceOptions<T>, base: NamespaceSettings): NamespaceSettings {
  const { announceExpiry, without, freeze } = base
  const maxBytes = Math.min(options.maxBytes ?? Infinity, base.maxBytes)
  return {
    ...over({ announceExpiry, without, freeze }, options),
    load: nearerLoadSettings(base.load, options),
    schema: options.schema,
    maxEntries: Math.min(options.maxEntries ?? Infinity, base.maxEntries),
    maxBytes,
    maxEntryBytes: Math.min(base.maxEntryBytes, maxBytes),
    settleMs: msOf(options, 'settle', base.settleMs),
    maxTtlMs: msOf(options, 'maxTtl', base.maxTtlMs),
    sizeOf: options.sizeOf,
  }
}
