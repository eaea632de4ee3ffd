/**
 * What options may be: each by itself. What they must be together is checked where settings are made of them.
 *
 * @module
 */
import type { KafkaLog } from '../ports/kafka-log.ts'
import type { Feature } from './feature.ts'
import { expected, faultIn, must, within } from './option-check.ts'
import type { Options, OptionTest } from './option-check.ts'
import { isSchema } from './schema.ts'
import type { SetOptions } from './write-types.ts'

/** Passes one of the tests. */
const either = (...tests: OptionTest[]): OptionTest =>
  must((value) => tests.some((test) => test(value) === undefined), 'Invalid input')
/** The test, in other words. */
const worded =
  (test: OptionTest, says: string): OptionTest =>
  (value) =>
    test(value) === undefined ? undefined : says
const typed =
  (type: 'string' | 'boolean'): OptionTest =>
  (value) =>
    typeof value === type ? undefined : expected(type, value)

const number: OptionTest = (value) => (Number.isFinite(value) ? undefined : expected('number', value))
/** A number of at least 0, or a whole one of at least 1. */
const numberTo =
  (most: number, isWhole = false): OptionTest =>
  (value) => {
    const wrong = number(value) ?? (!isWhole || Number.isInteger(value) ? undefined : expected('int', value))
    if (wrong !== undefined) return wrong
    if ((value as number) < Number(isWhole))
      return `Too small: expected number to be ${isWhole ? '>0' : '>=0'}`
    return (value as number) > most ? `Too big: expected number to be <=${most}` : undefined
  }
/** Of a row. */
const version: OptionTest = (value) =>
  number(value) ?? (Number.isSafeInteger(value) ? undefined : 'must be a whole number of at most 53 bits')
const countTo = (most: number) => numberTo(most, true)
export const count: OptionTest = countTo(Number.MAX_SAFE_INTEGER)
export const text: OptionTest = typed('string')
export const texts: OptionTest = (value) => {
  if (!Array.isArray(value)) return expected('array', value)
  const at = value.findIndex((each) => typeof each !== 'string')
  return at < 0 ? undefined : within(at, expected('string', value[at]))
}
export const truth: OptionTest = typed('boolean')
export const duration: OptionTest = either(number, text)
export const callback: OptionTest = must((value) => typeof value === 'function', 'must be a function')
export const durationOrCallback: OptionTest = either(duration, callback)
/** Names of namespaces, or a function of the name. */
export const namespaces: OptionTest = worded(
  either(texts, callback),
  'must be names, or a function of a name',
)
export const truthOrNamespaces: OptionTest = worded(
  either(truth, texts, callback),
  'must be true, false, names, or a function of a name',
)
export const countOrNone: OptionTest = (value) => (value === 0 ? undefined : count(value))
export const durationOrFalse: OptionTest = (value) => (value === false ? undefined : duration(value))
export const signal: OptionTest = must(
  (value: unknown) => value instanceof AbortSignal,
  'must be an AbortSignal',
)
const oneOf = (...words: string[]): OptionTest =>
  must(
    (value) => words.includes(value),
    `Invalid option: expected one of ${words.map((word) => `"${word}"`).join('|')}`,
  )
const methods = (...names: string[]): OptionTest =>
  must(
    (value: Readonly<Record<string, unknown>> | null) =>
      names.every((name) => typeof value?.[name] === 'function'),
    `must have ${names.join(', ')}`,
  )
const isFeature = (given: Partial<Feature> | null | undefined): boolean =>
  typeof given?.name === 'string' && typeof given.open === 'function'
const features: OptionTest = (value) => {
  if (!Array.isArray(value)) return expected('array', value)
  const at = value.findIndex((each) => !isFeature(each as never))
  return at < 0 ? undefined : within(at, 'must be a feature, such as `replicate()`')
}
const capabilities = must((log: KafkaLog) => typeof log.capabilities === 'object', 'must have capabilities')
const isLog = methods('produce', 'offsets', 'read')
// The names that Kafka allows (org.apache.kafka.common.internals.Topic).
const TOPIC = /^(?!\.\.?$)[A-Za-z0-9._-]{1,249}$/
const topic: OptionTest = (value) =>
  text(value) ?? (TOPIC.test(value as string) ? undefined : `Invalid string: must match pattern ${TOPIC}`)

const lifetime: Options = {
  ttl: durationOrCallback,
  swr: durationOrCallback,
  staleIfError: durationOrCallback,
  jitter: numberTo(1),
}
const loading: Options = {
  timeout: duration,
  hardTimeout: duration,
}

const cacheOptions: Options = {
  ...lifetime,
  kafka: (value) => isLog(value) ?? capabilities(value),
  use: features,
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
  maxTtl: duration,
  announceExpiry: truth,
  hardTimeout: duration,
  codec: methods('encode', 'decode', 'detects'),
  gzipAboveBytes: (value) => (value === Infinity ? undefined : numberTo(Infinity)(value)),
  maxMessageBytes: count,
  freeze: truth,
  onEvent: callback,
  runtime: methods('now', 'monotonic', 'random', 'sleep', 'microtask'),
}

const namespaceOptions: Options = {
  ...lifetime,
  schema: must(isSchema, 'must be a zod schema or another Standard Schema'),
  ...loading,
  tags: callback,
  maxEntries: count,
  maxBytes: count,
  settle: duration,
  maxTtl: duration,
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
  tags: either(texts, callback),
}

const evictOptions: Options = { signal }
const deleteOptions: Options = { version, signal }

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
