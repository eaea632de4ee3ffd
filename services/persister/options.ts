/**
 * The options of a persister: their meaning, defaults, and checks.
 *
 * @module
 */
import * as z from 'zod/mini'
import { issueMessage } from '../../src/api/issue-message.ts'
import { durationMs } from '../../src/runtime/duration.ts'
import { NAMESPACE_PATTERN } from '../../src/wire/ids.ts'
import type { CacheOptions, TopicNames } from '../../src/api/options.ts'
import type { Duration } from '../../src/runtime/duration.ts'
import { harmless } from '../../src/runtime/listener.ts'
import type { PersisterEvent, PersistWrites, PositionKeeper } from './types.ts'

export interface PersisterOptions extends Pick<
  CacheOptions,
  | 'kafka'
  | 'evictionPartitions'
  | 'codec'
  | 'maxPollBytes'
  | 'gzipAboveBytes'
  | 'maxMessageBytes'
  | 'pollTimeout'
  | 'runtime'
> {
  /** By namespace, the function that writes to its source. */
  readonly stores: Readonly<Record<string, PersistWrites>>
  readonly topics?: TopicNames & {
    /** @default 'cache-writes-dead' */
    readonly deadLetters?: string
  }
  /** The partitions of the topic of writes that the persister reads. @default all */
  readonly partitions?: readonly number[]
  /** Keeps the positions. @default the topic itself, by marker records */
  readonly positions?: PositionKeeper
  /** Most writes in one call of a store. @default 100 */
  readonly maxBatch?: number
  /** Concurrent calls of stores. @default 4 */
  readonly concurrency?: number
  /**
   * How often a write is retried before it goes to the dead letters; `Infinity`: it never goes there.
   * @default 10
   */
  readonly retries?: number
  /** The first pause between two tries; each is twice as long as the one before, at most 10 s. @default '200ms' */
  readonly backoff?: Duration
  /** How long one call of a store may take. @default '30s' */
  readonly storeTimeout?: Duration
  /**
   * How long `run()` may still persist the writes that it has read, after its signal is aborted.
   * @default '10s'
   */
  readonly drain?: Duration
  /** Lags that count as pressure 1. @default 10_000, '30s' */
  readonly maxLagRecords?: number
  readonly maxLag?: Duration
  /** Called with every event. What it throws or rejects with is ignored. */
  readonly onEvent?: (event: PersisterEvent) => void
}

export interface PersisterSettings {
  readonly stores: ReadonlyMap<string, PersistWrites>
  readonly deadLettersTopic: string
  readonly partitions: readonly number[] | undefined
  readonly positions: PositionKeeper | undefined
  readonly maxBatch: number
  readonly concurrency: number
  readonly retries: number
  readonly backoffMs: number
  readonly storeTimeoutMs: number
  readonly drainMs: number
  readonly maxLagRecords: number
  readonly maxLagMs: number
  readonly emit: (event: PersisterEvent) => void
  readonly cache: CacheOptions
}

const count = z.int().check(z.positive())
const callback = z.custom((value) => typeof value === 'function', 'must be a function')
const duration = z.union([z.number(), z.string()])
const own = z.object({
  stores: z
    .record(z.string().check(z.regex(NAMESPACE_PATTERN)), callback)
    .check(z.refine((stores) => Object.keys(stores).length > 0, 'must name at least one namespace')),
  partitions: z.optional(z.array(z.int().check(z.nonnegative())).check(z.minLength(1))),
  positions: z.optional(z.object({ load: callback, save: callback })),
  maxBatch: z.optional(count.check(z.lte(1000))),
  concurrency: z.optional(count.check(z.lte(1000))),
  retries: z.optional(z.union([z.int().check(z.nonnegative()), z.literal(Infinity)])),
  backoff: z.optional(duration),
  storeTimeout: z.optional(duration),
  drain: z.optional(duration),
  maxLagRecords: z.optional(count),
  maxLag: z.optional(duration),
  onEvent: z.optional(callback),
})

/** @throws TypeError quoting the option that is wrong. */
export function persisterSettings(options: PersisterOptions): PersisterSettings {
  const issue = own.safeParse(options, { error: issueMessage }).error?.issues[0]
  if (issue) throw new TypeError(`\`${issue.path.join('.') || 'options'}\`: ${issue.message}`)
  const {
    stores,
    topics: { deadLetters = 'cache-writes-dead', ...topics } = {},
    partitions,
    positions,
    maxBatch = 100,
    concurrency = 4,
    retries = 10,
    backoff = '200ms',
    storeTimeout = '30s',
    drain = '10s',
    maxLagRecords = 10_000,
    maxLag = '30s',
    onEvent,
    // The cache checks the other options.
    ...cache
  } = options
  if (Object.values(topics).includes(deadLetters) || deadLetters === (topics.writes ?? 'cache-writes'))
    throw new TypeError('`topics.deadLetters` must differ from the other topics')
  if (options.kafka?.signedTopics?.has(deadLetters) === false)
    throw new TypeError('`topics.deadLetters` must be among the `topics` of signed()')
  return {
    stores: new Map(Object.entries(stores)),
    deadLettersTopic: deadLetters,
    partitions,
    positions,
    maxBatch,
    concurrency,
    retries,
    backoffMs: durationMs(backoff, 'backoff'),
    storeTimeoutMs: durationMs(storeTimeout, 'storeTimeout'),
    drainMs: durationMs(drain, 'drain'),
    maxLagRecords,
    maxLagMs: durationMs(maxLag, 'maxLag'),
    emit: harmless(onEvent),
    cache: { ...cache, topics },
  }
}
