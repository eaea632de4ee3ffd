/**
 * Records that a long poll has brought ahead of the poll that will prove what they say.
 *
 * Their evictions are applied at once. This is safe without a proof, and even where they are of another log, because it only
 * drops values and moves no position. A poll that finds the log to be the one that they were read from then need not read
 * them again: it moves the position past them (decision 122), up to the first that cannot be read. What becomes of that one a
 * poll decides: it reads on from there.
 *
 * @module
 */
import type { LogRecord } from '../ports/kafka-log.ts'
import type { Batch } from '../runtime/consumer.ts'
import type { Eviction } from '../wire/read-eviction.ts'
import { applyEviction, applyRecord, evictionOf, traceOf } from './apply-eviction.ts'
import type { DecodedRecord } from './apply-eviction.ts'
import { readBatch } from '../runtime/consumer.ts'
import { evictionsOf, remember } from './log-identity.ts'
import type { PollContext, Target } from './log-identity.ts'
import type { AppliedRecord, LongPoll, Partition } from './partition.ts'

/**
 * Waits for a record beyond the positions, and applies its eviction at once. It moves no position and proves nothing: the poll
 * that follows does.
 */
export async function awaitAhead(
  context: PollContext,
  partitions: Iterable<Partition>,
  { waitMs, deadlineMs }: { readonly waitMs: number; readonly deadlineMs: number },
  signal: AbortSignal,
): Promise<void> {
  const { settings } = context
  const begun = [...partitions].map(aheadOf)
  const positions = begun.map(({ partition, position }) => ({ partition: partition.id, offset: position }))
  const source = { ...evictionsOf(settings), deadline: { runtime: settings.runtime, ms: deadlineMs } }
  const batch = await readBatch(source, positions, { maxBytes: settings.maxPollBytes, waitMs }, signal)
  await applyAhead(context, begun, batch)
}

/** The partition now, before a long poll from its position. */
const aheadOf = (partition: Partition): LongPoll => ({
  partition,
  generation: partition.generation,
  logId: partition.logId,
  position: partition.position,
  joined: partition.joined,
})

/**
 * Applies the records of a long poll. Skipped after a resync: offsets of the old log would block keys until the new one
 * catches up.
 *
 * @param begun the partitions, when the read began
 */
async function applyAhead(context: PollContext, begun: readonly LongPoll[], batch: Batch): Promise<void> {
  const { settings, self } = context
  const since = settings.runtime.monotonic()
  for (const then of begun) {
    const { partition, generation } = then
    const applied: AppliedRecord[] = []
    let unreadable: number | undefined
    const take = (decoded: DecodedRecord): void => {
      if (partition.generation !== generation) return
      const { record } = decoded
      const eviction = evictionOf(decoded, partition.targets)
      // It may drop everything: the poll that follows decides when.
      if (eviction.unreadable) unreadable ??= record.offset
      else applyEviction(partition.targets, eviction, record.offset, self)
      if (unreadable === undefined) applied.push({ record, eviction, trace: traceOf(decoded) })
    }
    let last: LogRecord | undefined
    for (const record of batch.records) {
      if (record.partition !== partition.id) continue
      const waits = applyRecord(record, settings, take)
      if (waits) await waits
      last = record
    }
    const next = unreadable ?? Math.max(batch.next.get(partition.id) ?? 0, (last?.offset ?? -1) + 1)
    partition.ahead = { ...then, next, applied }
  }
  tellApplied(context, batch.records.length, since)
}

/** Tells how long applying has taken. */
export function tellApplied({ settings }: PollContext, records: number, since: number): void {
  const { emit, runtime } = settings
  if (records > 0) emit?.({ type: 'apply', records, durationMs: runtime.monotonic() - since })
}

/**
 * Moves the position past what was applied ahead, where the bounds that were just sampled are of the same log, and nothing
 * has come in between that would need the records again. They were read before the bounds were asked for, and from a position
 * in the same log: no identity returns once it has gone, so they are of that log as well.
 *
 * @returns how many records it passed
 */
export function adopt(
  context: PollContext,
  { partition, generation, end, logId, ahead, ageMs }: Target,
): number {
  if (ahead === undefined || partition.generation !== generation || ahead.generation !== generation) return 0
  // A log that does not tell its identity may be another one: the last record is found again by reading on from it.
  if (logId === undefined || ahead.logId !== logId) return 0
  // Bounds of an earlier moment say nothing of the log that it was read from.
  if (ahead.next > end || ageMs > 0) return 0
  // A namespace that was declared meanwhile has missed them.
  if (ahead.joined !== partition.joined) return 0
  const passed = ahead.applied.filter(({ record }) => record.offset >= partition.position)
  // Before the events: their listener may declare a namespace, which has missed all of them.
  partition.advance(ahead.next)
  remember(partition, ahead.applied.at(-1)?.record)
  context.counters.evictionsApplied += passed.length
  for (const { record, eviction, trace } of passed)
    tellsOf(context, partition, record.offset, eviction, trace)
  return passed.length
}

/** Tells the application of a record that the position has passed. */
export function tellsOf(
  { settings }: PollContext,
  partition: Partition,
  offset: number,
  eviction: Eviction,
  trace: unknown,
): void {
  const { namespace, empty, all, keys, tags, prefixes } = eviction
  if (empty) return
  settings.emit?.(
    { type: 'evict', namespace, partition: partition.id, offset, all, keys, tags, prefixes },
    trace,
  )
}
