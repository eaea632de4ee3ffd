/**
 * One poll of the evictions topic: the proof of freshness.
 *
 * Note the time, **then** ask where the log ends, read until the position is there, apply, and only then call
 * the noted time fresh. An empty answer proves nothing: proxies give one while their consumer warms up, when a
 * record is larger than the answer may be, and after a seek.
 *
 * Polls of one isolate may run at the same time (on Workers they cannot be shared): each applies only what is
 * not applied yet, synchronously, and a re-anchoring by one voids what another has sampled.
 *
 * @module
 */
import { applyEviction, decodeRecord, evictionOf } from './coherence.ts'
import type { DecodedRecord } from './coherence.ts'
import { KedgeError } from './errors.ts'
import type { ReanchorReason } from './events.ts'
import type { LogRecord, PartitionOffsets, ReadResult } from './log.ts'
import { digestOf } from './partition.ts'
import type { Partition } from './partition.ts'
import type { Settings } from './settings.ts'
import type { Counters } from './stats.ts'
import type { Timeline } from './timeline.ts'

/** What a poll needs to know of its cache. */
export interface PollContext {
  readonly settings: Settings
  readonly timeline: Timeline
  readonly counters: Counters
  /** Which announcements of expiry are our own. */
  readonly self: string
}

/** How many times the answer asked for may double when a record does not fit. */
const MAX_DOUBLINGS = 4
/** Polls in a row that read nothing at one position, before it is given up. */
const MAX_STALLS = 3
/** How long a log that does not tell its identity is believed without finding our last record in it again. */
const VERIFY_EVERY_MS = 60_000
/** Reads of one poll, each of which made progress. */
const MAX_READS = 1000

/** A partition as it was when the poll began. */
interface Target {
  readonly partition: Partition
  readonly positionThen: number
  readonly tailThen: number
  generation: number
  end: number
  /** The record to find again before anything is believed; reads then start at it. */
  find: Partition['last']
}

/**
 * Proves the partitions fresh as of the moment this was called, or rejects.
 *
 * @param number of this poll
 * @returns how many records were applied, and whether the log was made sure to be the same one as before
 */
export async function poll(
  context: PollContext,
  partitions: readonly Partition[],
  number: number,
  signal: AbortSignal,
): Promise<{ records: number; verified: boolean }> {
  const { settings, timeline } = context
  const t0 = timeline.now()
  const targets = partitions.map((partition): Target => ({
    partition,
    positionThen: partition.position,
    tailThen: partition.tail,
    generation: partition.generation,
    end: 0,
    find: undefined,
  }))
  const bounds = await settings.log.offsets(settings.evictionsTopic, {
    partitions: partitions.map((partition) => partition.id),
    signal,
  })
  let verified = true
  for (const target of targets) if (!sample(context, target, bounds, t0)) verified = false
  if (!verified) context.counters.unverified++
  const records = await catchUp(context, targets, signal)
  for (const { partition, generation } of targets) {
    if (partition.generation !== generation) continue
    partition.freshAt = Math.max(partition.freshAt, t0)
    partition.provedBy = Math.max(partition.provedBy, number)
  }
  return { records, verified }
}

/**
 * Takes in the bounds of one partition: re-anchors if they contradict what is known, else decides whether the
 * last record must be found again. Returns `false` where the log's identity cannot be verified.
 */
function sample(
  context: PollContext,
  target: Target,
  bounds: readonly PartitionOffsets[],
  now: number,
): boolean {
  const { partition } = target
  const found = bounds.find((bound) => bound.partition === partition.id)
  if (found === undefined) {
    throw new KedgeError(
      'ERR_UNKNOWN_TOPIC',
      `partition ${partition.id} of the evictions topic does not exist`,
    )
  }
  // Another poll has re-anchored meanwhile: what was sampled may be of the time before.
  if (partition.generation !== target.generation) return true
  target.end = found.end
  const reason = partition.contradiction(found, target.positionThen, context.settings.maxCatchUpRecords)
  if (reason !== undefined) {
    reanchor(context, partition, found, reason)
    target.generation = partition.generation
    return true
  }
  partition.samples(found, target.tailThen)
  if (found.logId !== undefined) return true
  if (partition.last === undefined) return false
  if (found.end > partition.position || now - partition.verifiedAt >= VERIFY_EVERY_MS)
    target.find = partition.last
  return true
}

function reanchor(
  context: PollContext,
  partition: Partition,
  bounds: PartitionOffsets,
  reason: ReanchorReason,
): void {
  partition.reanchor(bounds)
  context.counters.reanchors++
  context.settings.emit?.({ type: 'reanchor', partition: partition.id, reason, offset: bounds.end })
}

/** Reads and applies until every partition is where the log ended when it was sampled. */
async function catchUp(
  context: PollContext,
  targets: readonly Target[],
  signal: AbortSignal,
): Promise<number> {
  const { settings } = context
  // Something is there: a consumer that still warms up may take a moment to return it.
  const waitMs = settings.pollTimeoutMs / 2
  let applied = 0
  let maxBytes = settings.maxPollBytes
  for (let reads = 0; ; reads++) {
    const open = targets.filter(isBehind)
    if (open.length === 0) return applied
    const before = open.map(({ partition }) => partition.position)
    const result = await settings.log.read(
      settings.evictionsTopic,
      open.map(({ partition, find }) => ({
        partition: partition.id,
        offset: find?.offset ?? partition.position,
      })),
      // Uncommitted: someone else's open transaction would hide acknowledged evictions behind it.
      { maxBytes, waitMs, isolation: 'uncommitted', signal },
    )
    if (result.outOfRange.length > 0) {
      throw new KedgeError('ERR_PROTOCOL', 'the log changed its bounds while it was read', {
        retryable: true,
      })
    }
    applied += await ingest(context, open, result)
    const progress = open.some((target, at) => !isBehind(target) || target.partition.position > before[at]!)
    if (progress && reads < MAX_READS) {
      for (const { partition } of open) partition.stalls = 0
    } else if (maxBytes < settings.maxPollBytes * 2 ** MAX_DOUBLINGS) {
      maxBytes *= 2
    } else {
      throw stalled(context, open)
    }
  }
}

const isBehind = ({ partition, generation, find, end }: Target): boolean =>
  partition.generation === generation && (find !== undefined || partition.position < end)

/** Applies the records of an answer, in order, each once. */
async function ingest(context: PollContext, targets: readonly Target[], result: ReadResult): Promise<number> {
  const { codec, maxMessageBytes } = context.settings
  // Decoding may wait (gzip); from here on nothing does, so no other poll can come in between.
  const decoded = await Promise.all(
    result.records.map((record) => decodeRecord(record, codec, maxMessageBytes)),
  )
  let applied = 0
  for (const target of targets) {
    const { partition } = target
    if (partition.generation !== target.generation) continue
    const own = decoded.filter(({ record }) => record.partition === partition.id)
    if (target.find !== undefined && !isFound(context, target, own[0]?.record)) continue
    for (const each of own) {
      if (each.record.offset < partition.position) continue
      apply(context, partition, each)
      applied++
    }
    // Beyond the last record there may be a gap (transaction markers), which is not loss.
    const next = result.next.find((position) => position.partition === partition.id)?.offset ?? 0
    partition.advance(next)
  }
  context.counters.evictionsApplied += applied
  return applied
}

function apply(context: PollContext, partition: Partition, decoded: DecodedRecord): void {
  const { emit, evictionsTopic: topic } = context.settings
  const { offset } = decoded.record
  const eviction = evictionOf(decoded, partition.tenants)
  applyEviction(partition.tenants, eviction, offset, context.self)
  partition.advance(offset + 1)
  partition.last = { offset, digest: digestOf(decoded.record) }
  if (eviction.unreadable) {
    context.counters.refused++
    emit?.({ type: 'unreadable', topic, partition: partition.id, offset, error: decoded.error })
  }
  emit?.({ type: 'evict', namespace: eviction.namespace, partition: partition.id, offset })
}

/** Whether the record remembered is where it was; if another one is there, the log is another one. */
function isFound(context: PollContext, target: Target, found: LogRecord | undefined): boolean {
  const { partition, find } = target
  if (find === undefined || found === undefined) return find === undefined
  target.find = undefined
  if (found.offset === find.offset && digestOf(found) === find.digest) {
    partition.verifiedAt = context.timeline.now()
    return true
  }
  reanchor(context, partition, { partition: partition.id, beginning: 0, end: target.end }, 'replaced')
  target.generation = partition.generation
  return false
}

/** Something stands at the position that no answer can hold: after some polls it is jumped over, with all we hold. */
function stalled(context: PollContext, open: readonly Target[]): KedgeError {
  for (const { partition, end } of open) {
    if (++partition.stalls < MAX_STALLS) continue
    const { logId } = partition
    const bounds = { partition: partition.id, beginning: 0, end, ...(logId === undefined ? {} : { logId }) }
    reanchor(context, partition, bounds, 'stalled')
  }
  return new KedgeError('ERR_PROTOCOL', 'the log has records that it does not return', { retryable: true })
}
