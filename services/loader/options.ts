/**
 * The options of a loader service: their meaning, defaults, and checks.
 *
 * Wrong options are a `TypeError` at construction that quotes the option; unknown ones are refused.
 *
 * @module
 */
import * as z from 'zod/mini'
import { durationMs } from '../../src/runtime/duration.ts'
import type { KedgeEvent } from '../../src/api/events.ts'
import { issueMessage } from '../../src/api/issue-message.ts'
import { NAMESPACE_PATTERN } from '../../src/wire/ids.ts'
import type { CacheOptions, NamespaceOptions } from '../../src/api/options.ts'
import type { Duration } from '../../src/runtime/duration.ts'
import type { ManyLoader } from '../../src/api/load-types.ts'
import type { Pace } from '../../src/replicate/updates-publisher.ts'
import type { LoaderEvent } from './events.ts'
import { parsePartitionShare } from './partition-share.ts'
import type { PartitionShare } from './partition-share.ts'

/** How the values of one namespace are loaded. Its other options are those of a namespace of a cache. */
export interface LoaderDefinition<T> extends Pick<
  NamespaceOptions<T>,
  'ttl' | 'jitter' | 'tags' | 'hardTimeout' | 'settle' | 'maxEntries' | 'maxBytes' | 'sizeOf'
> {
  /** Loads the keys. A key that the result leaves out has no value, and the service publishes that. */
  readonly load: ManyLoader<T>
  /** Most keys in one call. @default 100 */
  readonly maxBatch?: number
  /** Concurrent calls. @default 4 */
  readonly concurrency?: number
}

/** A definition for values of any type: its functions declare the type of their argument. */
export interface AnyLoaderDefinition extends Omit<LoaderDefinition<never>, 'load'> {
  readonly load: ManyLoader<unknown>
}

/** Loaders by namespace: a function for each, or a definition. */
export type Loaders = Readonly<Record<string, ManyLoader<unknown> | AnyLoaderDefinition>>

export interface LoaderOptions extends Omit<CacheOptions, 'onEvent'> {
  readonly loaders: Loaders
  /** The partitions of the requests topic that are read. @default all */
  readonly partitions?: readonly number[]
  /** The partitions as a fraction of all: `'2/3'` is the second of three services. @default '1/1' */
  readonly share?: string
  /** Where reading begins, in records before the end of each partition. @default 0 */
  readonly lookback?: number
  /** Keys that may wait to be loaded; beyond it the oldest are dropped. @default 10_000 */
  readonly maxQueue?: number
  /** By how much the clocks of askers may differ: a request is dropped so long after its deadline. @default '1s' */
  readonly maxSkew?: Duration
  /** How long the service does not load a key again after its load has failed. @default '1s' */
  readonly failurePause?: Duration
  /** How long `run()` may still load waiting keys after its signal is aborted. @default '10s' */
  readonly drain?: Duration
  /** Awaited before values are published, for at most five seconds: see `pace` of `replicate()`. */
  readonly pace?: Pace
  /** Called with every event of the service and of its cache. What it throws or rejects with is ignored. */
  readonly onEvent?: (event: KedgeEvent | LoaderEvent) => void
}

/** One namespace, with its options completed. */
export interface Definition {
  readonly name: string
  readonly load: ManyLoader<unknown>
  readonly maxBatch: number
  readonly concurrency: number
  readonly namespace: NamespaceOptions<never>
}

export interface LoaderSettings {
  readonly definitions: readonly Definition[]
  readonly share: PartitionShare
  readonly lookback: number
  readonly maxQueue: number
  readonly maxSkewMs: number
  readonly failurePauseMs: number
  readonly drainMs: number
  readonly pace: Pace | undefined
  readonly cache: Omit<CacheOptions, 'onEvent'>
}

const count = z.int().check(z.positive())
const duration = z.union([z.number(), z.string()])
const callback = z.custom((value) => typeof value === 'function', 'must be a function')

// The cache and its namespace check the other options.
const definition = z.looseObject({
  load: callback,
  maxBatch: z.optional(count.check(z.lte(1000))),
  concurrency: z.optional(count.check(z.lte(1000))),
})
const own = z.extend(
  z.partial(
    z.object({
      partitions: z.array(z.int().check(z.nonnegative())).check(z.minLength(1)),
      share: z.string(),
      lookback: z.int().check(z.nonnegative()),
      maxQueue: count,
      maxSkew: duration,
      failurePause: duration,
      drain: duration,
      pace: callback,
      onEvent: callback,
    }),
  ),
  {
    loaders: z
      .record(
        z.string().check(z.regex(NAMESPACE_PATTERN)),
        z.union([callback, definition], 'must be a loader'),
      )
      .check(z.refine((loaders) => Object.keys(loaders).length > 0, 'must name at least one namespace')),
  },
)
/** Options of a namespace that a loader's namespace must not have. */
const REFUSED = ['schema', 'announceExpiry', 'timeout', 'without']

/** @throws TypeError quoting the option that is wrong. */
export function loaderSettings(options: LoaderOptions): LoaderSettings {
  const issue = own.safeParse(options, { error: issueMessage }).error?.issues[0]
  if (issue) throw new TypeError(`\`${issue.path.join('.') || 'options'}\`: ${issue.message}`)
  // The service publishes its loads itself, and does not read the updates of others.
  if (options.use?.some(({ name }) => name === 'replicate'))
    throw new TypeError('`use`: a loader service publishes what it loads without replicate()')
  const {
    loaders,
    partitions,
    share,
    lookback = 0,
    maxQueue = 10_000,
    maxSkew = '1s',
    failurePause = '1s',
    drain = '10s',
    pace,
    onEvent: _onEvent,
    ...cache
  } = options
  if (partitions && share !== undefined)
    throw new TypeError('`share` and `partitions` exclude each other: each says which partitions are read')
  return {
    definitions: Object.entries(loaders).map(([name, given]) => definitionOf(name, given)),
    share: partitions
      ? { of: (all) => all.filter((id) => partitions.includes(id)) }
      : parsePartitionShare(share),
    lookback,
    maxQueue,
    maxSkewMs: durationMs(maxSkew, 'maxSkew'),
    failurePauseMs: durationMs(failurePause, 'failurePause'),
    drainMs: durationMs(drain, 'drain'),
    pace,
    cache,
  }
}

function definitionOf(name: string, given: Loaders[string]): Definition {
  if (typeof given === 'function') return { name, load: given, maxBatch: 100, concurrency: 4, namespace: {} }
  const refused = REFUSED.find((option) => option in given)
  if (refused !== undefined) throw new TypeError(`unknown option \`loaders.${name}.${refused}\``)
  const { load, maxBatch = 100, concurrency = 4, ...namespace } = given
  return { name, load, maxBatch, concurrency, namespace }
}
