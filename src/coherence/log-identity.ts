/**
 * Which log this is: by its identity where it tells one, else by the last record that was applied here, which must
 * still stand at its offset. Where the log is another one, or has lost what was not read yet, the partition starts
 * again at its end.
 *
 * @module
 */
import { KedgeError } from '../ports/errors.ts'
import type { LogRecord, PartitionOffsets } from '../ports/kafka-log.ts'
import type { ReanchorReason } from '../api/reasons.ts'
import type { Settings } from '../api/settings.ts'
import type { Counters } from '../api/stats.ts'
import type { Clock } from '../runtime/clock.ts'
import { readBatch } from '../runtime/consumer.ts'
import type { TopicSource } from '../runtime/consumer.ts'
import type { Ahead, LastRecord, LogEnd, Partition } from './partition.ts'

/** What a poll needs to know of its cache. */
export interface PollContext {
  readonly settings: Settings
  readonly clock: Clock
  readonly counters: Counters
  /** Which announcements of expiry are our own. */
  readonly self: string
  /** Reads again what came before the position, where a feature has a use for it. */
  readonly readPast?: ReadPast | undefined
}

/** Reads again what came before the positions of the partitions that `concerns` names. */
export type ReadPast = (
  context: PollContext,
  targets: readonly Target[],
  concerns: (partition: Partition) => boolean,
  signal: AbortSignal,
) => Promise<void>

/** How long a log without identity counts as the same one before our last record must be found again. */
const VERIFY_EVERY_MS = 60_000

/** A partition as it was when the poll began. */
export interface Target {
  readonly partition: Partition
  readonly positionThen: number
  readonly tailThen: number
  /** What a long poll had brought before the poll began. */
  readonly ahead: Ahead | undefined
  /** How long before the poll its bounds were sampled, at most: 0 for bounds of its own. */
  ageMs: number
  generation: number
  beginning: number
  end: number
  /** Which log the bounds are of, where it tells. */
  logId: string | undefined
  /** The record to find again before any answer is used; reads then start at it. */
  find: Partition['last']
  /** The sampled end is a proof, once the position reaches it. */
  proves: boolean
  /** The poll has met records that cannot be read: it has dropped everything for them, or stopped before the first. */
  unreadable: 'none' | 'dropped' | 'stopped'
  /** The partition was resynced, and the log does not tell its identity: remember its last record. */
  learns: boolean
}

/** The evictions topic, as every poll reads it. */
export const evictionsOf = ({ log, evictionsTopic }: Settings): TopicSource => ({
  log,
  topic: evictionsTopic,
  // Uncommitted: the open transaction of another producer would hide acknowledged evictions behind it.
  isolation: 'uncommitted',
})

/**
 * Whether bounds that were sampled before the poll agree with what was known when it began. Where they do not, they may only be
 * old: nothing follows from them, and the log must be asked for bounds of its own.
 */
export function fits(
  { settings }: PollContext,
  { partition, positionThen, tailThen }: Target,
  bounds: readonly PartitionOffsets[],
): boolean {
  const found = boundsOf(partition, bounds)
  if (found?.ageMs === undefined || found.ageMs === 0 || !partition.hasPosition) return true
  const isSame = found.logId !== undefined && found.logId === partition.logId && found.end >= tailThen
  return isSame && partition.contradiction(found, positionThen, settings.maxCatchUpRecords) === undefined
}

/**
 * Takes in the bounds of one partition: resyncs if they contradict what is known, else decides whether the
 * last record must be found again. Returns `false` where the log's identity cannot be verified.
 */
export function sample(
  context: PollContext,
  target: Target,
  bounds: readonly PartitionOffsets[],
  now: number,
): boolean {
  const { partition } = target
  const found = boundsOf(partition, bounds)
  if (found === undefined) {
    throw new KedgeError(
      'ERR_UNKNOWN_TOPIC',
      `partition ${partition.id} of the evictions topic does not exist: check \`evictionPartitions\``,
    )
  }
  // Another poll has resynced meanwhile: this sample may be older than that.
  if (partition.generation !== target.generation) return true
  target.beginning = found.beginning
  target.end = found.end
  target.logId = found.logId
  target.ageMs = found.ageMs ?? 0
  const reason = partition.contradiction(found, target.positionThen, context.settings.maxCatchUpRecords)
  // An end behind our own acknowledged write cannot prove freshness; the next sample may.
  target.proves = reason !== undefined || found.end >= target.tailThen
  if (reason !== undefined) {
    resync(context, partition, found, reason)
    target.generation = partition.generation
    target.learns = found.logId === undefined && found.end > found.beginning
    return true
  }
  partition.samples(found, target.tailThen)
  if (found.logId !== undefined) return true
  if (partition.last === undefined) return false
  if (found.end > partition.position || now - partition.verifiedAt >= VERIFY_EVERY_MS)
    target.find = partition.last
  return true
}

const boundsOf = ({ id }: Partition, bounds: readonly PartitionOffsets[]): PartitionOffsets | undefined =>
  bounds.find(({ partition }) => partition === id)

export function resync(
  context: PollContext,
  partition: Partition,
  bounds: LogEnd,
  reason: ReanchorReason,
): void {
  partition.reanchor(bounds)
  context.counters.reanchors++
  context.settings.emit?.({ type: 'reanchor', partition: partition.id, reason, offset: bounds.end })
}

/** Whether the record remembered is where it was; if another one is there, the log is another one. */
export function isFound(context: PollContext, target: Target, found: LogRecord | undefined): boolean {
  const { partition, find } = target
  if (find === undefined || found === undefined) return find === undefined
  target.find = undefined
  if (isSame(found, find)) {
    partition.verifiedAt = context.clock.now()
    return true
  }
  resync(context, partition, { end: target.end }, 'replaced')
  target.generation = partition.generation
  return false
}

/** Remembers the last record before the anchor, to tell the log from another one of the same length. */
export async function learn(
  context: PollContext,
  { partition, generation, end }: Target,
  signal: AbortSignal,
): Promise<void> {
  const { settings } = context
  const from = [{ partition: partition.id, offset: end - 1 }]
  const fetch = { maxBytes: settings.maxPollBytes, waitMs: settings.pollTimeoutMs / 2 }
  const { records } = await readBatch(evictionsOf(settings), from, fetch, signal)
  const found = records.find(({ offset }) => offset === end - 1)
  if (found === undefined || partition.generation !== generation) return
  partition.last ??= lastOf(found)
  partition.verifiedAt = context.clock.now()
}

/** A record, to be found again. */
export const lastOf = (record: LogRecord): LastRecord => ({ offset: record.offset, digest: digestOf(record) })

/** Remembers the last of the records that were applied, unless a later one is remembered: another poll may have come further. */
export function remember(partition: Partition, newest: LogRecord | undefined): void {
  if (newest && newest.offset > (partition.last?.offset ?? -1)) partition.last = lastOf(newest)
}

/** Whether the record is the one that was remembered. */
export const isSame = (record: LogRecord, last: LastRecord): boolean =>
  record.offset === last.offset && digestOf(record) === last.digest

/**
 * What a record looks like, for finding it again: a 64-bit FNV-style digest of its key and value, and its timestamp
 * where the backend tells it.
 */
export function digestOf(record: LogRecord): string {
  let a = 0x811c9dc5
  let b = 0x9e3779b9
  for (const bytes of [record.key, record.value]) {
    // An empty key or value counts as none: some proxies cannot tell them apart from one answer to the next.
    const length = bytes?.length ?? 0
    for (let at = 0; at < length; at++) {
      const byte = bytes![at]!
      a = Math.imul(a ^ byte, 0x01000193)
      b = Math.imul(b + byte, 0x85ebca6b) ^ (b >>> 13)
    }
    a = Math.imul(a ^ 0x100, 0x01000193)
  }
  return `${a >>> 0}.${b >>> 0}.${record.timestamp ?? ''}`
}
