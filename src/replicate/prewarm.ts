/**
 * Prewarming: an isolate that has just started takes over values that others have published.
 *
 * @module
 */
import { withDeadline } from '../runtime/deadline.ts'
import { durationMs } from '../runtime/duration.ts'
import { KedgeError } from '../ports/errors.ts'
import type { Follower } from '../coherence/follower.ts'
import type { CacheContext } from '../coherence/cache-context.ts'
import type { Partition } from '../coherence/partition.ts'
import { lookBack } from '../coherence/look-back.ts'
import type { RequestScope } from '../coherence/request-scope.ts'
import type { PrewarmOptions, PrewarmResult } from '../api/cache-types.ts'
import type { UpdatesConsumer } from './updates-consumer.ts'

/**
 * Reads the evictions of the past so that values of the past can be judged, then the newest part of the updates
 * topic, then proves freshness once more, and holds what stands. Within `budget`, or not at all.
 */
export async function prewarm(
  shared: CacheContext,
  follower: Follower,
  updates: UpdatesConsumer,
  scope: RequestScope,
  options: PrewarmOptions,
): Promise<PrewarmResult> {
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
    await follower.sync(scope, signal)
    await remember(shared, [...follower.partitions.values()], signal)
    const found = await updates.newest(maxRecords, maxBytes, signal)
    const proved = await follower.sync(scope, signal)
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
