/**
 * What options may be: each by itself. What they must be together is checked where settings are made of them.
 *
 * @module
 */
import type { KafkaLog } from '../ports/kafka-log.ts'
import type { Feature } from './feature.ts'
import { faultIn, must } from './option-check.ts'
import type { Options, OptionTest } from './option-check.ts'
import {
  callback,
  count,
  countTo,
  duration,
  durationOrCallback,
  isFunction,
  isText,
  isTexts,
  numberTo,
  signal,
  text,
  texts,
  truth,
} from './option-tests.ts'
import { isSchema } from './schema.ts'
import type { SetOptions } from './write-types.ts'

/** Of a row. */
const version = must(Number.isSafeInteger, 'must be a whole number of at most 53 bits')
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
