/**
 * What options may be: each by itself. What they must be together is checked where settings are made of them.
 *
 * @module
 */
import * as z from 'zod/mini'
import type { KafkaLog } from '../ports/kafka-log.ts'
import type { Feature } from './feature.ts'
import { once } from '../runtime/once.ts'
import { faultIn } from './option-check.ts'
import type { Options, OptionSchema } from './option-check.ts'
import { isSchema } from './schema.ts'
import type { SetOptions } from './write-types.ts'

export const count: OptionSchema = once(() => z.int().check(z.positive()))
const countTo = (most: number) => once(() => z.int().check(z.positive(), z.lte(most)))
export const duration: OptionSchema = once(() => z.union([z.number(), z.string()]))
export const countOrNone: OptionSchema = once(() => z.union([count(), z.literal(0)]))
/** Names of namespaces, or a function of the name. */
export const namespaces: OptionSchema = once(() =>
  z.union([texts(), callback()], 'must be names, or a function of a name'),
)
export const durationOrFalse: OptionSchema = once(() => z.union([duration(), z.literal(false)]))
export const truthOrNamespaces: OptionSchema = once(() =>
  z.union([z.boolean(), namespaces()], 'must be true, false, names, or a function of a name'),
)
export const truth: OptionSchema = once(() => z.boolean())
export const callback: OptionSchema = once(() =>
  z.custom((value) => typeof value === 'function', 'must be a function'),
)
export const durationOrCallback: OptionSchema = once(() => z.union([duration(), callback()]))
export const signal: OptionSchema = once(() =>
  z.custom((value) => value instanceof AbortSignal, 'must be an AbortSignal'),
)
export const text: OptionSchema = once(() => z.string())
export const texts: OptionSchema = once(() => z.array(z.string()))
const oneOf = (...words: string[]) => once(() => z.enum(words))
const methods = (...names: string[]) => once(() => hasMethods(names))
const hasMethods = (names: readonly string[]) =>
  z.custom(
    (value) =>
      names.every((name) => typeof (value as Record<string, unknown> | undefined)?.[name] === 'function'),
    `must have ${names.join(', ')}`,
  )
const isFeature = (given: unknown): boolean => {
  const { name, open } = (given ?? {}) as Partial<Feature>
  return typeof name === 'string' && typeof open === 'function'
}
const hasCapabilities = (log: unknown): boolean => typeof (log as Partial<KafkaLog>).capabilities === 'object'
// The names that Kafka allows (org.apache.kafka.common.internals.Topic).
const topic = once(() => z.string().check(z.regex(/^(?!\.\.?$)[A-Za-z0-9._-]{1,249}$/)))

const lifetime: Options = {
  ttl: durationOrCallback,
  swr: durationOrCallback,
  staleIfError: durationOrCallback,
  jitter: once(() => z.number().check(z.gte(0), z.lte(1))),
}
const loading: Options = {
  timeout: duration,
  hardTimeout: duration,
}

const cacheOptions: Options = {
  ...lifetime,
  kafka: once(() =>
    hasMethods(['produce', 'offsets', 'read']).check(z.refine(hasCapabilities, 'must have capabilities')),
  ),
  use: once(() => z.array(z.custom(isFeature, 'must be a feature, such as `replicate()`'))),
  topics: { evictions: topic, updates: topic, requests: topic, writes: topic },
  // A token has room for so many.
  evictionPartitions: countTo(100),
  updatePartitions: countTo(1000),
  writePartitions: countTo(1000),
  requestPartitions: countTo(1000),
  updatesIsolation: oneOf('committed', 'uncommitted'),
  maxEntries: count,
  maxBytes: count,
  maxEntryBytes: count,
  maxStaleness: duration,
  refreshAfter: duration,
  pollTimeout: duration,
  publishTimeout: duration,
  onUnreachable: oneOf('stale', 'bypass', 'throw'),
  maxOutage: duration,
  maxCatchUpRecords: count,
  maxPollBytes: count,
  maxLoads: count,
  maxBypassLoads: count,
  maxRememberedEvictions: count,
  settle: duration,
  announceExpiry: truth,
  hardTimeout: duration,
  codec: methods('encode', 'decode', 'detects'),
  gzipAboveBytes: once(() => z.union([z.number().check(z.nonnegative()), z.literal(Infinity)])),
  maxMessageBytes: count,
  freeze: truth,
  onEvent: callback,
  runtime: methods('now', 'monotonic', 'random', 'sleep', 'microtask'),
}

const namespaceOptions: Options = {
  ...lifetime,
  schema: once(() => z.custom(isSchema, 'must be a zod schema or another Standard Schema')),
  ...loading,
  tags: callback,
  maxEntries: count,
  maxBytes: count,
  settle: duration,
  announceExpiry: truth,
  without: texts,
  freeze: truth,
  sizeOf: callback,
}

const loadOptions: Options = {
  ...lifetime,
  after: text,
  signal,
  ...loading,
  tags: once(() => z.union([texts(), callback()])),
}

const evictOptions: Options = { signal }
const deleteOptions: Options = { version: once(() => z.number()), signal }

/** By whose options they are. */
type Checked = 'cache' | 'namespace' | 'load' | 'read' | 'scope' | 'evict' | 'delete' | 'set'

const OPTIONS: Readonly<Record<Checked, Options>> = {
  cache: cacheOptions,
  namespace: namespaceOptions,
  load: loadOptions,
  read: { after: text, signal },
  scope: { after: text, onRead: callback },
  evict: evictOptions,
  delete: deleteOptions,
  set: { ttl: durationOrCallback, tags: texts, ...deleteOptions },
}

/** @throws TypeError quoting the option that is wrong. */
export const checkOptions = (options: object, of: Checked): void => check(OPTIONS[of], options)

/** @throws TypeError quoting the option that is wrong. */
export function checkWriteOptions(
  options: SetOptions<never> | undefined,
  allows: 'set' | 'delete' | 'evict',
): void {
  if (options !== undefined) checkOptions(options, allows)
}

/** Options of features, which a program may give to a cache, a namespace or a call, as it could once. */
const OF_FEATURES = /^(tier|lookBack|mode|pace|share|acceptS|intents|via|loaderW)/

function check(known: Options, options: unknown): void {
  const fault = faultIn(known, options)
  if (fault === undefined) return
  const name = String(fault.path.at(-1))
  const hint = OF_FEATURES.test(name) ? ' (of a feature: see docs/features.md)' : ''
  if (fault.says === undefined) throw new TypeError(`unknown option \`${name}\`${hint}`)
  throw new TypeError(`\`${fault.path.join('.') || 'options'}\`: ${fault.says}`)
}
