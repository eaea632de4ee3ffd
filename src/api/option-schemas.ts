/**
 * What options may be: each by itself. What they must be together is checked where settings are made of them.
 *
 * @module
 */
import * as z from 'zod/mini'
import type { KafkaLog } from '../ports/kafka-log.ts'
import { once } from '../runtime/once.ts'
import { faultIn } from './option-check.ts'
import type { Options } from './option-check.ts'
import { isSchema } from './schema.ts'
import type { SetOptions } from './write-types.ts'

const count = once(() => z.int().check(z.positive()))
const countTo = (most: number) => once(() => z.int().check(z.positive(), z.lte(most)))
const duration = once(() => z.union([z.number(), z.string()]))
const intents = once(() => z.union([z.boolean(), duration()]))
const truth = once(() => z.boolean())
const callback = once(() => z.custom((value) => typeof value === 'function', 'must be a function'))
const durationOrCallback = once(() => z.union([duration(), callback()]))
const signal = once(() => z.custom((value) => value instanceof AbortSignal, 'must be an AbortSignal'))
const text = once(() => z.string())
const texts = once(() => z.array(z.string()))
const oneOf = (...words: string[]) => once(() => z.enum(words))
const methods = (...names: string[]) => once(() => hasMethods(names))
const hasMethods = (names: readonly string[]) =>
  z.custom(
    (value) =>
      names.every((name) => typeof (value as Record<string, unknown> | undefined)?.[name] === 'function'),
    `must have ${names.join(', ')}`,
  )
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
  via: oneOf('self', 'loader'),
  loaderWait: duration,
}

const cacheOptions: Options = {
  ...lifetime,
  kafka: once(() =>
    hasMethods(['produce', 'offsets', 'read']).check(z.refine(hasCapabilities, 'must have capabilities')),
  ),
  topics: { evictions: topic, updates: topic, requests: topic, writes: topic },
  // A token has room for so many.
  evictionPartitions: countTo(100),
  updatePartitions: countTo(1000),
  writePartitions: countTo(1000),
  requestPartitions: countTo(1000),
  mode: oneOf('invalidate', 'replicate'),
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
  intents,
  announceExpiry: truth,
  hardTimeout: duration,
  tier: methods('getMany', 'setMany', 'deleteMany'),
  tierTimeout: duration,
  tierHardTimeout: duration,
  tierBreaker: { failures: count, pause: duration, maxPause: duration },
  lookBack: once(() => z.union([count(), z.literal(0)])),
  codec: methods('encode', 'decode', 'detects'),
  pace: callback,
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
  share: truth,
  acceptSimpleValues: truth,
  settle: duration,
  intents,
  announceExpiry: truth,
  tier: truth,
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
const setManyOptions: Options = { ttl: durationOrCallback, tags: texts, signal, domain: text }

/** By whose options they are. */
type Checked =
  | 'cache'
  | 'namespace'
  | 'load'
  | 'read'
  | 'scope'
  | 'prewarm'
  | 'evict'
  | 'delete'
  | 'set'
  | 'many'
  | 'through'
  | 'behind'

const OPTIONS: Readonly<Record<Checked, Options>> = {
  cache: cacheOptions,
  namespace: namespaceOptions,
  load: loadOptions,
  read: { after: text, signal },
  scope: { after: text, onRead: callback },
  prewarm: { maxRecords: count, maxBytes: count, budget: duration, signal },
  evict: evictOptions,
  delete: deleteOptions,
  set: { ttl: durationOrCallback, tags: texts, ...deleteOptions },
  many: setManyOptions,
  through: {
    ttl: durationOrCallback,
    tags: texts,
    signal,
    intent: once(() => z.union([duration(), z.literal(false)])),
  },
  behind: { maxPending: duration, signal },
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

function check(known: Options, options: unknown): void {
  const fault = faultIn(known, options)
  if (fault === undefined) return
  if (fault.says === undefined) throw new TypeError(`unknown option \`${String(fault.path.at(-1))}\``)
  throw new TypeError(`\`${fault.path.join('.') || 'options'}\`: ${fault.says}`)
}
