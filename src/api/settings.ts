/**
 * Options, checked and completed: what the rest of the core works with.
 *
 * @module
 */
import { json } from '../wire/codec.ts'
import type { Codec } from '../wire/codec.ts'
import { durationMs } from '../runtime/duration.ts'
import { emitTo } from './events.ts'
import type { Emit } from './events.ts'
import type { KafkaLog } from '../ports/kafka-log.ts'
import { must } from './must.ts'
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
  readonly emit: Emit
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

/** @throws TypeError quoting the option that is wrong. */
export function cacheSettings(options: CacheOptions): Settings {
  must(
    typeof options !== 'object' || options === null || (options as Partial<CacheOptions>).kafka !== undefined,
    '`kafka` is missing: give the log, as in createCache({ kafka: gateway({ url }) })',
  )
  checkOptions(options, 'cache')
  const maxBytes = options.maxBytes ?? 32_000_000
  const maxEntries = options.maxEntries ?? 10_000
  const maxEntryBytes = options.maxEntryBytes ?? Math.ceil(maxBytes / 4)
  must(maxEntryBytes <= maxBytes, '`maxEntryBytes` must not be larger than `maxBytes`')
  return {
    log: options.kafka,
    ...topicsOf(options.topics, options.kafka),
    evictionPartitions: options.evictionPartitions ?? 1,
    updatePartitions: options.updatePartitions ?? 1,
    writePartitions: options.writePartitions ?? 1,
    requestPartitions: options.requestPartitions ?? 1,
    maxEntries,
    maxBytes,
    ...times(options),
    onUnreachable: options.onUnreachable ?? 'stale',
    maxCatchUpRecords: options.maxCatchUpRecords ?? 10_000,
    maxPollBytes: options.maxPollBytes ?? 1_000_000,
    maxLoads: options.maxLoads ?? 256,
    maxBypassLoads: options.maxBypassLoads ?? 32,
    maxRememberedEvictions: options.maxRememberedEvictions ?? 4096,
    updatesIsolation: options.updatesIsolation ?? 'committed',
    codec: options.codec ?? json,
    gzipAboveBytes: options.gzipAboveBytes ?? 1024,
    maxMessageBytes: options.maxMessageBytes ?? 1_000_000,
    emit: emitTo(options.onEvent),
    runtime: options.runtime ?? systemRuntime(),
    namespace: {
      load: nearerLoadSettings(LOAD_DEFAULTS, options),
      schema: undefined,
      maxEntries,
      maxBytes,
      maxEntryBytes,
      settleMs: options.settle === undefined ? 0 : durationMs(options.settle, 'settle'),
      maxTtlMs: options.maxTtl === undefined ? undefined : durationMs(options.maxTtl, 'maxTtl'),
      announceExpiry: options.announceExpiry ?? false,
      without: [],
      freeze: options.freeze ?? false,
      sizeOf: undefined,
    },
  }
}

/** @throws TypeError quoting the option that is wrong. */
export function namespaceSettings<T>(
  options: NamespaceOptions<T>,
  base: NamespaceSettings,
): NamespaceSettings {
  checkOptions(options, 'namespace')
  const maxBytes = Math.min(options.maxBytes ?? base.maxBytes, base.maxBytes)
  return {
    load: nearerLoadSettings(base.load, options),
    schema: options.schema,
    maxEntries: Math.min(options.maxEntries ?? base.maxEntries, base.maxEntries),
    maxBytes,
    maxEntryBytes: Math.min(base.maxEntryBytes, maxBytes),
    settleMs: options.settle === undefined ? base.settleMs : durationMs(options.settle, 'settle'),
    maxTtlMs: options.maxTtl === undefined ? base.maxTtlMs : durationMs(options.maxTtl, 'maxTtl'),
    announceExpiry: options.announceExpiry ?? base.announceExpiry,
    without: options.without ?? base.without,
    freeze: options.freeze ?? base.freeze,
    sizeOf: options.sizeOf,
  }
}
