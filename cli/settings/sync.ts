/** Settings of a sync: what it reads, and how it writes it to the store. @module */
import * as z from 'zod'
import type { SyncFormat } from '../../services/sync/index.ts'
import { setting } from '../setting.ts'
import type { AnySetting, Setting } from '../setting.ts'
import { choice, length, list, text, topicName, truth, whole } from '../value-types.ts'

type Optional<T> = Setting<T | undefined>

const optionalText = (path: string, flag: string, says: string): Optional<string> =>
  setting<string | undefined>(path, { flag, shape: text, says, otherwise: undefined })

export const topic: Optional<string> = setting<string | undefined>('sync.topic', {
  flag: '--topic <name>',
  shape: topicName,
  says: 'the topic to read',
  otherwise: undefined,
})
export const to: Optional<string> = setting<string | undefined>('sync.to', {
  flag: '--to <url>',
  shape: text,
  says: 'the store: redis://, rediss://, redis-cluster://a,b, memcached://a,b, or https:// of Upstash',
  otherwise: undefined,
  quiet: true,
})
export const storePassword: Optional<string> = setting<string | undefined>('sync.password', {
  flag: '--store-password <secret>',
  shape: text,
  says: 'the password of the store, or the token of Upstash',
  otherwise: undefined,
  secret: true,
})
export const prefix: Setting<string> = setting('sync.prefix', {
  flag: '--prefix <text>',
  shape: text,
  says: "the prefix of kedge's own keys in the store",
  otherwise: 'kedge:',
})
export const key: Optional<string> = optionalText(
  'sync.key',
  '--key <template>',
  'the key in the store, such as user:{key}:latest or order:{key.id}; of debezium {topic}:{key} by default',
)
export const keyFormat: Optional<'text' | 'json'> = setting<'text' | 'json' | undefined>('sync.keyFormat', {
  flag: '--key-format <how>',
  shape: choice('text', 'json'),
  says: 'what {key} is: text as it stands, or json, a JSON text without its quotes',
  otherwise: undefined,
  otherwiseSays: 'text',
})
export const value: Setting<readonly string[]> = setting<readonly string[]>('sync.value', {
  flag: '--value <field,…>',
  shape: list(text),
  says: 'the value in the store: a field of the record, or an object of several',
  otherwise: [],
  otherwiseSays: 'the whole value',
})
export const life: Optional<string> = setting<string | undefined>('sync.ttl', {
  flag: '--ttl <duration>',
  shape: z
    // A number in the configuration file is milliseconds, as in code.
    .union([z.string(), z.number().transform((ms) => `${ms}ms`)])
    .refine((given) => !/^\d+(?:\.\d+)?$/.test(given), {
      error: "needs a unit, such as '300s' for seconds or '300ms' for milliseconds",
    })
    .refine((given) => /^\d+(?:\.\d+)?(?:ms|s|m|h|d)?$/.test(given), {
      error: "must be a duration such as '10m' or '90d'",
    }),
  says: 'how long a value lives',
  otherwise: undefined,
  otherwiseSays: 'for ever',
})
export const lifeField: Optional<string> = optionalText(
  'sync.ttlField',
  '--ttl-field <field>',
  'the field with the time to live: a number of milliseconds, or a text such as 5m',
)
export const lifeFrom: Setting<'record' | 'write'> = setting<'record' | 'write'>('sync.ttlFrom', {
  flag: '--ttl-from <moment>',
  shape: choice('record', 'write'),
  says: 'from when the time to live counts: record or write',
  otherwise: 'record',
})
export const format: Setting<SyncFormat> = setting<SyncFormat>('sync.format', {
  flag: '--format <name>',
  shape: choice('auto', 'kedge', 'json', 'string', 'bytes', 'messagepack', 'debezium'),
  says: 'the format of the values: auto, kedge, json, string, bytes, messagepack or debezium',
  otherwise: 'auto',
})
export const encode: Setting<'json' | 'text'> = setting<'json' | 'text'>('sync.encode', {
  flag: '--encode <how>',
  shape: choice('json', 'text'),
  says: 'how fields are written: json, or text as it stands',
  otherwise: 'json',
})
export const namespaces: Setting<readonly string[]> = setting<readonly string[]>('sync.namespaces', {
  flag: '--namespace <name>',
  shape: list(text),
  says: "use only kedge's own updates of this namespace; may be repeated",
  otherwise: [],
  many: true,
})
export const order: Setting<'auto' | 'timestamp'> = setting<'auto' | 'timestamp'>('sync.version', {
  flag: '--version-by <what>',
  shape: choice('auto', 'timestamp'),
  says: 'which record of a key is newer: auto, or timestamp where keys move between partitions',
  otherwise: 'auto',
})
export const emptyDeletes: Setting<boolean> = setting('sync.emptyDeletes', {
  flag: '--empty-deletes',
  shape: truth,
  says: 'delete the key of an empty value',
  otherwise: false,
})
export const stream: Optional<string> = setting<string | undefined>('sync.stream', {
  flag: '--stream <name>',
  shape: text,
  says: 'the name of the positions in the store',
  otherwise: undefined,
  otherwiseSays: 'made of the topic and the template',
})
export const isolation: Setting<'committed' | 'uncommitted'> = setting<'committed' | 'uncommitted'>(
  'sync.isolation',
  {
    flag: '--isolation <level>',
    shape: choice('committed', 'uncommitted'),
    says: 'how records are read: committed or uncommitted',
    otherwise: 'committed',
  },
)
export const deadLetters: Optional<string> = setting<string | undefined>('sync.deadLetters', {
  flag: '--dead-letters <topic>',
  shape: topicName,
  says: 'the topic for records that cannot be used',
  otherwise: undefined,
})
export const maxBatch: Setting<number> = setting('sync.maxBatch', {
  flag: '--max-batch <number>',
  shape: whole(1, 100_000),
  says: 'most records of a partition in one write',
  otherwise: 1000,
})
export const maxLag: Setting<number> = setting('sync.maxLag', {
  flag: '--max-lag <duration>',
  shape: length,
  says: 'the lag above which /readyz answers 503',
  otherwise: 30_000,
  otherwiseSays: '30s',
})
export const maxLagRecords: Optional<number> = setting<number | undefined>('sync.maxLagRecords', {
  flag: '--max-lag-records <number>',
  shape: whole(1),
  says: 'the lag in records above which /readyz answers 503',
  otherwise: undefined,
})
export const listen: Optional<string> = setting<string | undefined>('sync.listen', {
  flag: '--listen <host:port>',
  shape: text,
  says: 'where it serves /healthz, /readyz, /lag and /metrics; port 0 takes a free one',
  otherwise: undefined,
  otherwiseSays: 'nowhere',
})
export const drainTime: Setting<number> = setting('sync.drain', {
  flag: '--drain <duration>',
  shape: length,
  says: 'how long the current batch may take after a signal to end',
  otherwise: 10_000,
  otherwiseSays: '10s',
})
export const giveUpAfter: Setting<number> = setting('sync.giveUpAfter', {
  flag: '--give-up-after <duration>',
  shape: length,
  says: 'with --once: how long the store or Kafka may be away before it exits with 1',
  otherwise: 60_000,
  otherwiseSays: '1m',
})

export const SYNC_SETTINGS: readonly AnySetting[] = [
  topic,
  to,
  storePassword,
  prefix,
  key,
  keyFormat,
  value,
  life,
  lifeField,
  lifeFrom,
  format,
  encode,
  namespaces,
  order,
  emptyDeletes,
  stream,
  isolation,
  deadLetters,
  maxBatch,
  maxLag,
  maxLagRecords,
  listen,
  drainTime,
  giveUpAfter,
]
