/**
 * Prewarming: an isolate that has just started takes over values that others have published.
 *
 * @module
 */
import { applyEviction, decodeRecord, evictionOf } from './coherence.ts'
import { withDeadline } from './deadline.ts'
import { durationMs } from './duration.ts'
import { KedgeError } from './errors.ts'
import type { Follower } from './follower.ts'
import type { Ground, Keyspace } from './keyspace.ts'
import type { Partition } from './partition.ts'
import type { Scope } from './scope.ts'
import type { PrewarmOptions, PrewarmResult } from './types.ts'
import type { Updates } from './updates.ts'

/**
 * Reads the evictions of the past so that values of the past can be judged, then the newest part of the updates
 * topic, then proves freshness once more, and holds what stands. Within `budget`, or not at all.
 */
export async function prewarm(
  ground: Ground,
  follower: Follower,
  updates: Updates,
  spaces: ReadonlyMap<string, Keyspace<unknown>>,
  scope: Scope,
  options: PrewarmOptions,
): Promise<PrewarmResult> {
  const { maxRecords = 10_000, maxBytes = 8_000_000, budget = '2s' } = options
  if (ground.settings.updatesIsolation === 'committed' && !ground.settings.log.capabilities.readCommitted) {
    throw new KedgeError('ERR_UNSUPPORTED', 'this log cannot read committed records: see `updatesIsolation`')
  }
  const budgetMs = durationMs(budget, 'budget')
  const expired = () =>
    new KedgeError('ERR_TIMEOUT', 'prewarming took longer than `budget`', { retryable: true })
  const task = async (signal: AbortSignal): Promise<PrewarmResult> => {
    await follower.sync(scope, signal)
    for (const partition of follower.partitions.values()) await remember(ground, partition, spaces, signal)
    const harvest = await updates.newest(maxRecords, maxBytes, signal)
    const proved = await follower.sync(scope, signal)
    // Given up meanwhile, or not provable: then nothing that was found may be held.
    const applied = proved && !signal.aborted ? await updates.apply(harvest.records) : 0
    const { bytes, complete } = harvest
    return { records: harvest.records.length, applied, bytes, complete: complete && proved }
  }
  try {
    return await withDeadline(ground.settings.runtime, budgetMs, expired, task, options.signal)
  } catch (error) {
    options.signal?.throwIfAborted()
    ground.settings.emit?.({ type: 'background_error', error })
    return { records: 0, applied: 0, bytes: 0, complete: false }
  }
}

/** Reads again the evictions before the position, as far back as a catch-up would go, and lowers the horizon. */
async function remember(
  ground: Ground,
  partition: Partition,
  spaces: ReadonlyMap<string, Keyspace<unknown>>,
  signal: AbortSignal,
): Promise<void> {
  const { log, evictionsTopic, maxCatchUpRecords, maxPollBytes, codec, maxMessageBytes, pollTimeoutMs } =
    ground.settings
  const [bounds] = await log.offsets(evictionsTopic, { partitions: [partition.id], signal })
  if (bounds === undefined || !partition.anchored) return
  const { generation, position: end } = partition
  const first = Math.max(bounds.beginning, end - maxCatchUpRecords)
  // A namespace that is declared while this goes on has missed the beginning.
  const known = [...spaces.values()].filter((space) => space.partition === partition)
  let at = first
  while (at < end) {
    const positions = [{ partition: partition.id, offset: at }]
    const options = {
      maxBytes: maxPollBytes,
      waitMs: pollTimeoutMs / 2,
      isolation: 'uncommitted',
      signal,
    } as const
    const result = await log.read(evictionsTopic, positions, options)
    for (const record of result.records) {
      const decoded = await decodeRecord(record, codec, maxMessageBytes)
      if (partition.generation !== generation) return
      applyEviction(partition.tenants, evictionOf(decoded, partition.tenants), record.offset)
    }
    const next = result.next.find((position) => position.partition === partition.id)?.offset ?? at
    if (next <= at) return
    at = next
  }
  if (partition.generation === generation) for (const space of known) space.extend(first)
}
