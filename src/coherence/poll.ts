/**
 * One poll of the evictions topic: the proof of freshness.
 *
 * Note the time, **then** ask where the log ends, read until the position is there, apply, and only then call
 * the noted time fresh. An empty answer proves nothing: proxies give one while their consumer warms up, when a
 * record is larger than the answer may be, and after a seek (decision 4).
 *
 * Polls of one isolate may run at the same time (on Workers they cannot be shared): each applies only what is
 * not applied yet, synchronously, and a resync by one voids what another has sampled.
 *
 * @module
 */
import { adopt, tellApplied, tellsOf } from './ahead.ts'
import { applyEviction, applyRecord, evictionOf, traceOf } from './apply-eviction.ts'
import type { DecodedRecord } from './apply-eviction.ts'
import { consume, doubling } from '../runtime/consumer.ts'
import type { Batch } from '../runtime/consumer.ts'
import { KedgeError } from '../ports/errors.ts'
import type { LogRecord, PartitionOffsets, Position } from '../ports/kafka-log.ts'
import { evictionsOf, fits, isFound, learn, remember, resync, sample } from './log-identity.ts'
import type { PollContext, Target } from './log-identity.ts'
import type { Partition } from './partition.ts'

/** Polls in a row that read nothing at one position, before it is given up. */
const MAX_STALLS = 3
/** Reads of one poll, each of which made progress. */
const MAX_READS = 1000

/**
 * Proves the partitions fresh as of the moment this was called, or rejects.
 *
 * @param number of this poll
 * @param maxAgeMs how long before it the bounds may have been sampled
 * @param onAnswer called when the log has answered: a poll that is slow from then on does not mean an outage
 * @returns how many records were applied, and whether the log was verified to be the same one as before
 */
export async function poll(
  context: PollContext,
  partitions: readonly Partition[],
  number: number,
  signal: AbortSignal,
  onAnswer: () => void,
  maxAgeMs: number,
): Promise<{ records: number; verified: boolean; ageMs: number }> {
  const { settings, clock } = context
  const t0 = clock.now()
  const targets = partitions.map((partition): Target => ({
    partition,
    positionThen: partition.position,
    tailThen: partition.tail,
    ahead: partition.ahead,
    ageMs: 0,
    generation: partition.generation,
    beginning: 0,
    end: 0,
    logId: undefined,
    find: undefined,
    proves: false,
    unreadable: 'none',
    learns: false,
  }))
  for (const partition of partitions) partition.ahead = undefined
  const { log, evictionsTopic: topic } = settings
  const asked = { partitions: partitions.map((partition) => partition.id), signal }
  const ask = async (maxMs: number): Promise<PartitionOffsets[]> =>
    log.offsets(topic, log.capabilities.shared ? { ...asked, maxAgeMs: maxMs, clock } : asked)
  let bounds = await ask(maxAgeMs)
  if (!targets.every((target) => fits(context, target, bounds))) bounds = await ask(0)
  onAnswer()
  let verified = true
  for (const target of targets) if (!sample(context, target, bounds, t0)) verified = false
  if (!verified) context.counters.unverified++
  for (const { partition, generation, proves, end, ageMs } of targets)
    if (proves && ageMs === 0 && partition.generation === generation) partition.sampled(number, end)
  let adopted = 0
  for (const target of targets) adopted += adopt(context, target)
  const prove = (): void => {
    // The clocks have stepped back: when this poll began is unknown. The next one proves.
    if (t0 < clock.unknownBefore) return
    for (const target of targets) {
      const { partition } = target
      if (!target.proves || partition.generation !== target.generation || isBehind(target)) continue
      partition.freshAt = Math.max(partition.freshAt, t0 - target.ageMs)
      if (target.ageMs === 0) partition.provedBy = Math.max(partition.provedBy, number)
    }
  }
  // Before the first proof, the past comes first: a read that judges an older value needs both.
  await context.readPast?.(context, targets, ({ freshAt }) => freshAt === -Infinity, signal)
  const records = adopted + (await catchUp(context, targets, number, prove, signal))
  for (const target of targets) if (target.learns) await learn(context, target, signal)
  await context.readPast?.(context, targets, () => true, signal)
  return { records, verified, ageMs: Math.max(0, ...targets.map(({ ageMs }) => ageMs)) }
}

/**
 * Reads and applies until every partition is where the log ended when it was sampled. Calls `prove` before
 * each read, which marks a partition fresh as soon as it catches up: a slow one does not hold back the rest.
 */
async function catchUp(
  context: PollContext,
  targets: readonly Target[],
  number: number,
  prove: () => void,
  signal: AbortSignal,
): Promise<number> {
  const { settings } = context
  let applied = 0
  let reads = 0
  let open: Target[] = []
  const positions = (): Position[] => {
    prove()
    open = targets.filter(readsOn)
    return open.map(({ partition, find }) => ({
      partition: partition.id,
      offset: find?.offset ?? partition.position,
    }))
  }
  // Something is there: a consumer that still warms up may take a moment to return it.
  const attempt = doubling(settings.maxPollBytes, settings.pollTimeoutMs / 2)
  for await (const batch of consume(evictionsOf(settings), positions, attempt, signal)) {
    applied += await ingest(context, open, number, batch)
    if (batch.outOfRange.length > 0) {
      prove()
      throw new KedgeError('ERR_PROTOCOL', 'the log changed its bounds while it was read', {
        retryable: true,
      })
    }
    if (++reads > MAX_READS) break
  }
  const left = targets.filter(readsOn)
  if (left.length > 0) throw stalled(context, left)
  return applied
}

const isBehind = ({ partition, generation, find, end }: Target): boolean =>
  partition.generation === generation && (find !== undefined || partition.position < end)

const readsOn = (target: Target): boolean => target.unreadable !== 'stopped' && isBehind(target)

/** Applies the records of an answer, in order, each once. */
async function ingest(
  context: PollContext,
  targets: readonly Target[],
  number: number,
  batch: Batch,
): Promise<number> {
  let applied = 0
  const since = context.settings.runtime.monotonic()
  for (const target of targets) {
    const { partition } = target
    const own = batch.records.filter((record) => record.partition === partition.id)
    if (partition.generation !== target.generation) continue
    if (target.find !== undefined && !isFound(context, target, own[0])) continue
    let newest: LogRecord | undefined
    const take = (decoded: DecodedRecord): void => {
      const { record } = decoded
      if (partition.generation !== target.generation || record.offset < partition.position) return
      if (!apply(context, target, number, decoded)) return
      newest = record
      applied++
    }
    for (const record of own) {
      // One after the other, so that no more than one inflated message is held; and only what is new. Another poll
      // may come in between: it leaves the position further on, and nothing is applied twice.
      if (record.offset < partition.position) continue
      const waits = applyRecord(record, context.settings, take)
      // Nothing is waited for where nothing had to be inflated: most of what applying costs would be the wait.
      if (waits) {
        remember(partition, newest)
        await waits
      }
      if (partition.generation !== target.generation || target.unreadable === 'stopped') break
    }
    if (partition.generation !== target.generation) continue
    // Only the last of many: a digest takes a good part of what applying a record does.
    remember(partition, newest)
    if (target.unreadable === 'stopped') continue
    // Beyond the last record there may be a gap (transaction markers), which is not loss.
    partition.advance(batch.next.get(partition.id) ?? 0)
  }
  context.counters.evictionsApplied += applied
  tellApplied(context, applied, since)
  return applied
}

/** Applies a record, unless it cannot be read and the poll stops before it. Whether it was applied. */
function apply(context: PollContext, target: Target, number: number, decoded: DecodedRecord): boolean {
  const { partition } = target
  const { emit, evictionsTopic: topic, maxStalenessMs } = context.settings
  const { offset } = decoded.record
  const eviction = evictionOf(decoded, partition.targets)
  if (eviction.unreadable) {
    const now = context.clock.now()
    const isFirst = target.unreadable === 'none'
    if (isFirst && partition.unreadable.stops(number, now, partition.freshAt, maxStalenessMs)) {
      target.unreadable = 'stopped'
      return false
    }
    target.unreadable = 'dropped'
    partition.unreadable.drops(now)
  }
  applyEviction(partition.targets, eviction, offset, context.self)
  partition.advance(offset + 1)
  if (eviction.unreadable) {
    context.counters.refused++
    emit?.({ type: 'unreadable', topic, partition: partition.id, offset, error: decoded.error })
  }
  tellsOf(context, partition, offset, eviction, traceOf(decoded))
  return true
}

/** The record at the position fits no answer: after some polls the cache skips it, and drops all it holds. */
function stalled(context: PollContext, open: readonly Target[]): KedgeError {
  for (const { partition, end } of open) {
    if (++partition.stalls < MAX_STALLS) continue
    resync(context, partition, { end, logId: partition.logId }, 'stalled')
  }
  return new KedgeError('ERR_PROTOCOL', 'the log has records that it does not return', { retryable: true })
}
