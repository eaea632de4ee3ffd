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
import { applyEviction, decodeRecord, evictionOf } from './apply-eviction.ts'
import type { DecodedRecord } from './apply-eviction.ts'
import { withDeadline } from '../runtime/deadline.ts'
import { KedgeError } from '../ports/errors.ts'
import type { ReanchorReason } from '../api/events.ts'
import type { LogRecord, PartitionOffsets, ReadResult } from '../ports/kafka-log.ts'
import { digestOf } from './partition.ts'
import type { Partition } from './partition.ts'
import { lookBack } from './look-back.ts'
import type { Settings } from '../api/settings.ts'
import type { Counters } from '../api/stats.ts'
import type { Clock } from '../runtime/clock.ts'

/** What a poll needs to know of its cache. */
export interface PollContext {
  readonly settings: Settings
  readonly clock: Clock
  readonly counters: Counters
  /** Which announcements of expiry are our own. */
  readonly self: string
}

/** How many times the answer asked for may double when a record does not fit. */
const MAX_DOUBLINGS = 4
/** Polls in a row that read nothing at one position, before it is given up. */
const MAX_STALLS = 3
/** How long a log without identity counts as the same one before our last record must be found again. */
const VERIFY_EVERY_MS = 60_000
/** Evictions before the position that are read again, where nothing else is said. */
const LOOK_BACK = 1000
/** Reads of one poll, each of which made progress. */
const MAX_READS = 1000

/** A partition as it was when the poll began. */
interface Target {
  readonly partition: Partition
  readonly positionThen: number
  readonly tailThen: number
  generation: number
  beginning: number
  end: number
  /** The record to find again before any answer is used; reads then start at it. */
  find: Partition['last']
  /** The sampled end is a proof, once the position reaches it. */
  proves: boolean
  /** The partition was re-anchored, and the log does not tell its identity: remember its last record. */
  learns: boolean
}

/**
 * Proves the partitions fresh as of the moment this was called, or rejects.
 *
 * @param number of this poll
 * @param onAnswer called when the log has answered: a poll that is slow from then on does not mean an outage
 * @returns how many records were applied, and whether the log was verified to be the same one as before
 */
export async function poll(
  context: PollContext,
  partitions: readonly Partition[],
  number: number,
  signal: AbortSignal,
  onAnswer: () => void,
): Promise<{ records: number; verified: boolean }> {
  const { settings, clock } = context
  const t0 = clock.now()
  const targets = partitions.map((partition): Target => ({
    partition,
    positionThen: partition.position,
    tailThen: partition.tail,
    generation: partition.generation,
    beginning: 0,
    end: 0,
    find: undefined,
    proves: false,
    learns: false,
  }))
  const bounds = await settings.log.offsets(settings.evictionsTopic, {
    partitions: partitions.map((partition) => partition.id),
    signal,
  })
  onAnswer()
  let verified = true
  for (const target of targets) if (!sample(context, target, bounds, t0)) verified = false
  if (!verified) context.counters.unverified++
  const prove = (): void => {
    // The clocks have stepped back: when this poll began is unknown. The next one proves.
    if (t0 < clock.unknownBefore) return
    for (const target of targets) {
      const { partition } = target
      if (!target.proves || partition.generation !== target.generation || isBehind(target)) continue
      partition.freshAt = Math.max(partition.freshAt, t0)
      partition.provedBy = Math.max(partition.provedBy, number)
    }
  }
  // Before the first proof, the past comes first: a read that judges an older value needs both.
  await readPast(context, targets, ({ freshAt }) => freshAt === -Infinity, signal)
  const records = await catchUp(context, targets, prove, signal)
  for (const target of targets) if (target.learns) await learn(context, target, signal)
  await readPast(context, targets, () => true, signal)
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
  // Another poll has re-anchored meanwhile: this sample may be older than that.
  if (partition.generation !== target.generation) return true
  target.beginning = found.beginning
  target.end = found.end
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

function resync(
  context: PollContext,
  partition: Partition,
  bounds: PartitionOffsets,
  reason: ReanchorReason,
): void {
  partition.reanchor(bounds)
  context.counters.reanchors++
  context.settings.emit?.({ type: 'reanchor', partition: partition.id, reason, offset: bounds.end })
}

/**
 * Reads and applies until every partition is where the log ended when it was sampled. Calls `prove` after
 * each step, which marks a partition fresh as soon as it catches up: a slow one does not hold back the rest.
 */
async function catchUp(
  context: PollContext,
  targets: readonly Target[],
  prove: () => void,
  signal: AbortSignal,
): Promise<number> {
  const { settings } = context
  // Something is there: a consumer that still warms up may take a moment to return it.
  const waitMs = settings.pollTimeoutMs / 2
  let applied = 0
  let maxBytes = settings.maxPollBytes
  for (let reads = 0; ; reads++) {
    prove()
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
    applied += await ingest(context, open, result)
    if (result.outOfRange.length > 0) {
      prove()
      throw new KedgeError('ERR_PROTOCOL', 'the log changed its bounds while it was read', {
        retryable: true,
      })
    }
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
  let applied = 0
  for (const target of targets) {
    const { partition } = target
    const own = result.records.filter((record) => record.partition === partition.id)
    if (partition.generation !== target.generation) continue
    if (target.find !== undefined && !isFound(context, target, own[0])) continue
    for (const record of own) {
      // One after the other, so that no more than one inflated message is held; and only what is new. Another poll
      // may come in between: it leaves the position further on, and nothing is applied twice.
      if (record.offset < partition.position) continue
      const decoded = await decodeRecord(record, codec, maxMessageBytes)
      if (partition.generation !== target.generation) break
      if (record.offset < partition.position) continue
      apply(context, partition, decoded)
      applied++
    }
    if (partition.generation !== target.generation || result.outOfRange.includes(partition.id)) continue
    // Beyond the last record there may be a gap (transaction markers), which is not loss.
    partition.advance(result.next.find((position) => position.partition === partition.id)?.offset ?? 0)
  }
  context.counters.evictionsApplied += applied
  return applied
}

/**
 * Applies records from a long poll early, ahead of the poll that will read them again. This is safe without a
 * proof, and even where they are of another log, because it only drops values and moves no position. Skipped
 * after a resync: offsets of the old log would block keys until the new one catches up.
 *
 * @param generations of the partitions, when the read began
 */
export async function applyAhead(
  { settings, self }: PollContext,
  generations: ReadonlyMap<Partition, number>,
  records: readonly LogRecord[],
): Promise<void> {
  for (const record of records) {
    const decoded = await decodeRecord(record, settings.codec, settings.maxMessageBytes)
    const [partition, generation] = [...generations].find(([{ id }]) => id === record.partition) ?? []
    if (partition === undefined || partition.generation !== generation) continue
    const { tenants } = partition
    applyEviction(tenants, evictionOf(decoded, tenants), record.offset, self)
  }
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
  if (!eviction.empty)
    emit?.({ type: 'evict', namespace: eviction.namespace, partition: partition.id, offset })
}

/** Whether the record remembered is where it was; if another one is there, the log is another one. */
function isFound(context: PollContext, target: Target, found: LogRecord | undefined): boolean {
  const { partition, find } = target
  if (find === undefined || found === undefined) return find === undefined
  target.find = undefined
  if (found.offset === find.offset && digestOf(found) === find.digest) {
    partition.verifiedAt = context.clock.now()
    return true
  }
  resync(context, partition, { partition: partition.id, beginning: 0, end: target.end }, 'replaced')
  target.generation = partition.generation
  return false
}

/** Remembers the last record before the anchor, to tell the log from another one of the same length. */
async function learn(
  context: PollContext,
  { partition, generation, end }: Target,
  signal: AbortSignal,
): Promise<void> {
  const { settings } = context
  const positions = [{ partition: partition.id, offset: end - 1 }]
  const options = { maxBytes: settings.maxPollBytes, waitMs: settings.pollTimeoutMs / 2, signal } as const
  const { records } = await settings.log.read(settings.evictionsTopic, positions, {
    ...options,
    isolation: 'uncommitted',
  })
  const found = records.find((record) => record.partition === partition.id && record.offset === end - 1)
  if (found === undefined || partition.generation !== generation) return
  partition.last ??= { offset: found.offset, digest: digestOf(found) }
  partition.verifiedAt = context.clock.now()
}

/**
 * Reads again what came before the position, for each anchoring and for namespaces that are declared after it.
 * It is no part of the proof: where it fails, values of the past are refused, and a later poll tries again. On Workers
 * two polls may do it at the same time: the one that proves first must have done it too.
 */
async function readPast(
  { settings, clock }: PollContext,
  targets: readonly Target[],
  concerns: (partition: Partition) => boolean,
  signal: AbortSignal,
): Promise<void> {
  const { runtime, pollTimeoutMs, emit } = settings
  const now = clock.now()
  const due = targets.filter(
    ({ partition }) =>
      partition.anchored &&
      partition.recalls &&
      now >= partition.recallsAt &&
      concerns(partition) &&
      countOf(partition, settings) > 0,
  )
  const recalls = due.map(async ({ partition, beginning }) => {
    const reasons = partition.recallReasons
    const task = (inner: AbortSignal) =>
      lookBack(settings, partition, beginning, countOf(partition, settings), inner)
    const complete = await withDeadline(runtime, pollTimeoutMs, silent, task, signal).catch(
      (error: unknown) => {
        emit?.({ type: 'background_error', error })
        return false
      },
    )
    partition.endRecall(complete, reasons, clock.now())
  })
  await Promise.all(recalls)
  signal.throwIfAborted()
}

/** How many evictions before the position are of use. */
const countOf = ({ tenants }: Partition, { lookBack: count }: Settings): number =>
  count ?? ([...tenants].some(({ looksBack }) => looksBack) ? LOOK_BACK : 0)

const silent = () =>
  new KedgeError('ERR_TIMEOUT', 'the evictions of the past were not read in time', { retryable: true })

/** The record at the position fits no answer: after some polls the cache skips it, and drops all it holds. */
function stalled(context: PollContext, open: readonly Target[]): KedgeError {
  for (const { partition, end } of open) {
    if (++partition.stalls < MAX_STALLS) continue
    const { logId } = partition
    const bounds = { partition: partition.id, beginning: 0, end, ...(logId === undefined ? {} : { logId }) }
    resync(context, partition, bounds, 'stalled')
  }
  return new KedgeError('ERR_PROTOCOL', 'the log has records that it does not return', { retryable: true })
}
