/**
 * What options may be: each by itself. What they must be together is checked where settings are made of them.
 *
 * @module
 */
import type { KafkaLog } from '../ports/kafka-log.ts'
import type { Feature } from './feature.ts'
import { faultIn, must } from './option-check.ts'
import type { Options, OptionTest } from './option-check.ts'
import { isSchema } from './schema.ts'
import type { SetOptions } from './write-types.ts'

const isNumber = (value: unknown): boolean => Number.isFinite(value)
const isText = (value: unknown): boolean => typeof value === 'string'
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText)
const isTruth = (value: unknown): boolean => typeof value === 'boolean'
const isFunction = (value: unknown): boolean => typeof value === 'function'
const isDuration = (value: unknown): boolean => isNumber(value) || isText(value)

/** A number of at least 0, or a whole one of at least 1. */
/* @__NO_SIDE_EFFECTS__ */
function numberTo(most: number, isWhole = false): OptionTest {
  return must(
    (value) =>
      isNumber(value) && value >= Number(isWhole) && value <= most && !(isWhole && !Number.isInteger(value)),
    `must be a ${isWhole ? 'whole number from 1' : 'number from 0'} to ${most}`,
  )
}
/* @__NO_SIDE_EFFECTS__ */
function countTo(most: number): OptionTest {
  return numberTo(most, true)
}
export const count: OptionTest = countTo(Number.MAX_SAFE_INTEGER)
/** Of a row. */
const version = must(Number.isSafeInteger, 'must be a whole number of at most 53 bits')
export const text: OptionTest = must(isText, 'must be a string')
export const texts: OptionTest = must(isTexts, 'must be an array of strings')
export const truth: OptionTest = must(isTruth, 'must be true or false')
export const duration: OptionTest = must(isDuration, 'must be a duration')
export const callback: OptionTest = must(isFunction, 'must be a function')
export const durationOrCallback: OptionTest = must(
  (value) => isDuration(value) || isFunction(value),
  'must be a duration or a function',
)
export const countOrNone: OptionTest = (value) => (value === 0 ? undefined : count(value))
export const durationOrFalse: OptionTest = (value) => (value === false ? undefined : duration(value))
export const signal: OptionTest = must(
  (value: unknown) => value instanceof AbortSignal,
  'must be an AbortSignal',
)
const oneOf = (...words: string[]): OptionTest =>
  must((value) => words.includes(value), `must be one of ${words.join(', ')}`)
const methods = (...names: string[]): OptionTest =>
  must(
    (value: Readonly<Record<string, unknown>> | null) => names.every((name) => isFunction(value?.[name])),
    `must have ${names.join(', ')}`,
  )
const isFeature = (given: Partial<Feature> | null | undefined): boolean =>
  isText(given?.name) && given?.name !== '' && isFunction(given?.open)
const features: OptionTest = (value) => {
  if (!Array.isArray(value)) return 'must be an array'
  const at = value.findIndex((each) => !isFeature(each as never))
  return at < 0 ? undefined : { path: [at], says: 'must be a feature with a name, such as `replicate()`' }
}
const log: OptionTest = (value) =>
  methods('produce', 'offsets', 'read')(value) ??
  (typeof (value as KafkaLog).capabilities === 'object' ? undefined : 'must have capabilities')
// The names that Kafka allows (org.apache.kafka.common.internals.Topic).
const TOPIC = /^(?!\.\.?$)[A-Za-z0-9._-]{1,249}$/

function cacheOptions(): Options {
  const topic = must((value) => isText(value) && TOPIC.test(value), `must match ${TOPIC}`)
  return {
    ...lifetime(),
    kafka: log,
    use: features,
    topics: { evictions: topic, updates: topic, requests: topic, writes: topic },
    // A token has room for so many.
    evictionPartitions: countTo(100),
    updatePartitions: countTo(1000),
    writePartitions: countTo(1000),
    requestPartitions: countTo(1000),
    updatesIsolation: oneOf('committed', 'uncommitted'),
    ...ofBoth,
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
    hardTimeout: duration,
    codec: methods('encode', 'decode', 'detects'),
    gzipAboveBytes: (value) => (value === Infinity ? undefined : numberTo(Infinity)(value)),
    maxMessageBytes: count,
    onEvent: callback,
    runtime: methods('now', 'monotonic', 'random', 'sleep', 'microtask'),
  }
}

const lifetime = (): Options => ({
  ttl: durationOrCallback,
  swr: durationOrCallback,
  staleIfError: durationOrCallback,
  jitter: numberTo(1),
})
const loading: Options = { timeout: duration, hardTimeout: duration }
/** Of a cache and of a namespace. */
const ofBoth: Options = {
  maxEntries: count,
  maxBytes: count,
  settle: duration,
  maxTtl: duration,
  announceExpiry: truth,
  freeze: truth,
}

const namespaceOptions = (): Options => ({
  ...lifetime(),
  ...loading,
  ...ofBoth,
  schema: must(isSchema, 'must be a zod schema or another Standard Schema'),
  tags: callback,
  without: texts,
  sizeOf: callback,
})

const loadOptions = (): Options => ({
  ...lifetime(),
  ...loading,
  after: text,
  signal,
  tags: must((value) => isTexts(value) || isFunction(value), 'must be tags, or a function'),
})

/** By whose options they are. */
type Checked = 'cache' | 'namespace' | 'load' | 'read' | 'scope' | 'evict' | 'delete' | 'set'

/** Made when they are first asked for. */
const OPTIONS: Readonly<Record<Checked, () => Options>> = {
  cache: cacheOptions,
  namespace: namespaceOptions,
  load: loadOptions,
  read: () => ({ after: text, signal }),
  scope: () => ({ after: text, onRead: callback }),
  evict: () => ({ signal }),
  delete: () => ({ version, signal }),
  set: () => ({ ttl: durationOrCallback, tags: texts, version, signal }),
}
const made: Partial<Record<Checked, Options>> = {}

/** @throws TypeError quoting the option that is wrong. */
export const checkOptions = (options: object, of: Checked): void =>
  check((made[of] ??= OPTIONS[of]()), options)

/** @throws TypeError quoting the option that is wrong. */
export function checkWriteOptions(
  options: SetOptions<never> | undefined,
  allows: 'set' | 'delete' | 'evict',
): void {
  if (options !== undefined) checkOptions(options, allows)
}

function check(known: Options, options: unknown): void {
  const fault = faultIn(known, options)
  if (fault === undefined) return
  const name = fault.path.join('.')
  if (fault.says === undefined)
    throw new TypeError(`unknown option \`${name}\` (those of features: docs/features.md)`)
  throw new TypeError(`\`${name || 'options'}\`: ${fault.says}`)
}
