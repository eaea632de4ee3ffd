/**
 * Prewarming: an isolate that has just started takes over values that others have published.
 *
 * @module
 */
import { withDeadline } from '../runtime/deadline.ts'
import { durationMs } from '../runtime/duration.ts'
import { KedgeError } from '../ports/errors.ts'
import type { CacheContext } from '../coherence/cache-context.ts'
import type { Partition } from '../coherence/partition.ts'
import { lookBack } from '../coherence/look-back.ts'
import type { Cache } from '../api/cache-types.ts'
import { checkFeatureOptions } from '../api/option-check.ts'
import { count, duration as durationOption, signal as signalOption } from '../api/option-tests.ts'
import type { Duration } from '../runtime/duration.ts'
import { partsOfCache } from '../write/cache-parts.ts'
import { UpdatesConsumer } from './updates-consumer.ts'

/** The options of `prewarm()`. */
export interface PrewarmOptions {
  /** @default 10_000 */
  readonly maxRecords?: number
  /** @default 8_000_000 */
  readonly maxBytes?: number
  /** How long it may take. @default '2s' */
  readonly budget?: Duration
  readonly signal?: AbortSignal
}

/** What `prewarm()` has found. */
export interface PrewarmResult {
  readonly records: number
  readonly applied: number
  readonly bytes: number
  /** Whether the end of the topic was reached within the limits. */
  readonly complete: boolean
}

/**
 * Fills a cache from the compacted updates topic, within limits. Never blocks reads.
 *
 * Reads the evictions of the past so that values of the past can be judged, then the newest part of the updates
 * topic, then proves freshness once more, and holds what stands. Within `budget`, or not at all.
 *
 * @throws TypeError quoting the option that is wrong.
 * @throws KedgeError `ERR_UNSUPPORTED` where the log cannot read committed records, `ERR_CLOSED`
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { prewarm, replicate } from 'kedge/replicate'
 * import { memory } from 'kedge/testing'
 *
 * const cache = createCache({ kafka: memory(), use: [replicate()] })
 * const { applied } = await prewarm(cache, { budget: '2s' })
 * console.log(`${applied} values`)
 * ```
 */
export async function prewarm(cache: Cache, options: PrewarmOptions = {}): Promise<PrewarmResult> {
  const known = { maxRecords: count, maxBytes: count, budget: durationOption, signal: signalOption }
  checkFeatureOptions(known, options, 'prewarm')
  const parts = partsOfCache(cache)
  const { context, root } = parts
  const { shared, follower, lifecycle } = context
  lifecycle.check()
  const updates = new UpdatesConsumer(parts)
  const { maxRecords = 10_000, maxBytes = 8_000_000, budget = '2s' } = options
  if (shared.settings.updatesIsolation === 'committed' && !shared.settings.log.capabilities.readCommitted) {
    throw new KedgeError(
      'ERR_UNSUPPORTED',
      "this log cannot read committed records: set `updatesIsolation: 'uncommitted'` where no producer uses transactions",
    )
  }
  const budgetMs = durationMs(budget, 'budget')
  const expired = () =>
    new KedgeError('ERR_TIMEOUT', 'prewarming took longer than `budget`', { retryable: true })
  const task = async (signal: AbortSignal): Promise<PrewarmResult> => {
    await follower.sync(root, signal)
    await remember(shared, [...follower.partitions.values()], signal)
    const found = await updates.newest(maxRecords, maxBytes, signal)
    const proved = await follower.sync(root, signal)
    // Given up meanwhile, or not provable: then nothing that was found may be held.
    const applied = proved && !signal.aborted ? await updates.apply(found.records) : 0
    const { bytes, complete } = found
    return { records: found.records.length, applied, bytes, complete: complete && proved }
  }
  try {
    return await withDeadline(shared.settings.runtime, budgetMs, expired, task, options.signal)
  } catch (error) {
    options.signal?.throwIfAborted()
    shared.settings.emit?.({ type: 'background_error', error })
    return { records: 0, applied: 0, bytes: 0, complete: false }
  }
}

/** Reads again the evictions before the positions, as far back as a catch-up would go. */
async function remember(
  { settings }: CacheContext,
  partitions: readonly Partition[],
  signal: AbortSignal,
): Promise<void> {
  const bounds = await settings.log.offsets(settings.evictionsTopic, {
    partitions: partitions.map(({ id }) => id),
    signal,
  })
  for (const partition of partitions) {
    const found = bounds.find((bound) => bound.partition === partition.id)
    if (found) await lookBack(settings, partition, found.beginning, settings.maxCatchUpRecords, signal)
  }
}
