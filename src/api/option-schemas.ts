/**
 * What options may be: each by itself. What they must be together is checked where settings are made of them.
 *
 * @module
 */
import * as z from 'zod'
import type { KafkaLog } from '../ports/kafka-log.ts'
import type { SetOptions } from './write-types.ts'

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

/** Whose options they are. */
type Taker = 'cache' | 'namespace' | 'load' | 'read' | 'scope' | 'prewarm' | 'through' | 'behind' | 'many'

const SCHEMAS: Record<Taker, z.ZodType> = {
  cache: cacheOptions,
  namespace: namespaceOptions,
  load: loadOptions,
  read: readOptions,
  scope: scopeOptions,
  prewarm: prewarmOptions,
  through: writeThroughOptions,
  behind: writeBehindOptions,
  many: setManyOptions,
}

/** @throws TypeError quoting the option that is wrong. */
export const checkOptions = (options: object, of: Taker): void => check(SCHEMAS[of], options)

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
