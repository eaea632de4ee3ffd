/**
 * What options may be: each by itself. What they must be together is checked where settings are made of them.
 *
 * @module
 */
import * as z from 'zod/mini'
import type { KafkaLog } from '../ports/kafka-log.ts'
import { issueMessage } from './issue-message.ts'
import { isSchema } from './schema.ts'
import type { SetOptions } from './write-types.ts'

const count = z.int().check(z.positive())
const duration = z.union([z.number(), z.string()])
const intentsOption = z.union([z.boolean(), duration])
const callback = z.custom((value) => typeof value === 'function', 'must be a function')
const lifetime = {
  ttl: z.union([duration, callback]),
  swr: z.union([duration, callback]),
  staleIfError: z.union([duration, callback]),
  jitter: z.number().check(z.gte(0), z.lte(1)),
}
const loading = {
  timeout: duration,
  hardTimeout: duration,
  via: z.enum(['self', 'loader']),
  loaderWait: duration,
}
const hasMethods = (...names: string[]) =>
  z.custom(
    (value) =>
      names.every((name) => typeof (value as Record<string, unknown> | undefined)?.[name] === 'function'),
    `must have ${names.join(', ')}`,
  )
const hasCapabilities = (log: unknown): boolean => typeof (log as Partial<KafkaLog>).capabilities === 'object'
// The names that Kafka allows (org.apache.kafka.common.internals.Topic).
const topic = z.string().check(z.regex(/^(?!\.\.?$)[A-Za-z0-9._-]{1,249}$/))

const cacheOptions = z.partial(
  z.strictObject({
    ...lifetime,
    kafka: hasMethods('produce', 'offsets', 'read').check(
      z.refine(hasCapabilities, 'must have capabilities'),
    ),
    topics: z.partial(z.strictObject({ evictions: topic, updates: topic, requests: topic, writes: topic })),
    // A token has room for so many.
    evictionPartitions: count.check(z.lte(100)),
    updatePartitions: count.check(z.lte(1000)),
    writePartitions: count.check(z.lte(1000)),
    requestPartitions: count.check(z.lte(1000)),
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
    tierBreaker: z.partial(z.strictObject({ failures: count, pause: duration, maxPause: duration })),
    lookBack: z.union([count, z.literal(0)]),
    codec: hasMethods('encode', 'decode', 'detects'),
    pace: callback,
    gzipAboveBytes: z.union([z.number().check(z.nonnegative()), z.literal(Infinity)]),
    maxMessageBytes: count,
    freeze: z.boolean(),
    onEvent: callback,
    runtime: hasMethods('now', 'monotonic', 'random', 'sleep', 'microtask'),
  }),
)

const namespaceOptions = z.partial(
  z.strictObject({
    ...lifetime,
    schema: z.custom(isSchema, 'must be a zod schema or another Standard Schema'),
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
  }),
)

const loadOptions = z.partial(
  z.strictObject({
    ...lifetime,
    after: z.string(),
    signal: z.custom((value) => value instanceof AbortSignal, 'must be an AbortSignal'),
    ...loading,
    tags: z.union([z.array(z.string()), callback]),
  }),
)

const setOptions = z.partial(
  z.strictObject({
    ttl: lifetime.ttl,
    tags: z.array(z.string()),
    version: z.number(),
    signal: loadOptions.shape.signal,
  }),
)

const setManyOptions = z.partial(z.extend(z.omit(setOptions, { version: true }), { domain: z.string() }))

const writeThroughOptions = z.partial(
  z.extend(z.omit(setOptions, { version: true }), { intent: z.union([duration, z.literal(false)]) }),
)

const writeBehindOptions = z.partial(
  z.strictObject({ maxPending: duration, signal: loadOptions.shape.signal }),
)

const readOptions = z.pick(loadOptions, { after: true, signal: true })
const scopeOptions = z.partial(z.extend(z.pick(loadOptions, { after: true }), { onRead: callback }))
const prewarmOptions = z.partial(
  z.strictObject({ maxRecords: count, maxBytes: count, budget: duration, signal: loadOptions.shape.signal }),
)

/** Whose options they are. */
type Taker = 'cache' | 'namespace' | 'load' | 'read' | 'scope' | 'prewarm' | 'through' | 'behind' | 'many'

const SCHEMAS: Record<Taker, z.ZodMiniType> = {
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
      z.pick(setOptions, allows === 'delete' ? { version: true, signal: true } : { signal: true }),
      options,
    )
}

function check(schema: z.ZodMiniType, options: unknown): void {
  const issue = schema.safeParse(options, { error: issueMessage }).error?.issues[0]
  if (issue === undefined) return
  if (issue.code === 'unrecognized_keys') throw new TypeError(`unknown option \`${issue.keys[0]}\``)
  throw new TypeError(`\`${issue.path.join('.') || 'options'}\`: ${issue.message}`)
}
