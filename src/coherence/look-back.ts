/**
 * The look back: reads the evictions before the position again, so that values of that time can be judged.
 *
 * @module
 */
import { applyDecoded, applyRecord } from './apply-eviction.ts'
import { KedgeError } from '../ports/errors.ts'
import type { LogRecord } from '../ports/kafka-log.ts'
import type { Settings } from '../api/settings.ts'
import { consume, doubling } from '../runtime/consumer.ts'
import { withDeadline } from '../runtime/deadline.ts'
import { backoffMs } from '../runtime/retry.ts'
import { evictionsOf } from './log-identity.ts'
import type { ReadPast } from './log-identity.ts'
import type { LookedBack, Partition } from './partition.ts'

/** How far the clocks that date records may differ. This isolate's clock takes no part. */
const MAX_SKEW_MS = 5000
const BACKOFF = { firstMs: 500, maxMs: 32_000 }
const MAX_FAILURES = 7

/**
 * Reads the evictions of the last `count` offsets before the position and applies them. Only when it has
 * applied all does it lower the horizon, for the namespaces that were there from the beginning.
 *
 * @param beginning the oldest offset that the log holds
 * @returns whether it has applied all of them
 */
export async function lookBack(
  settings: Settings,
  partition: Partition,
  beginning: number,
  count: number,
  signal: AbortSignal,
): Promise<boolean> {
  if (!partition.hasPosition) return false
  const { generation, position: end } = partition
  const first = Math.max(beginning, end - count)
  // A namespace that is declared while this goes on has missed the beginning.
  const known = [...partition.targets]
  let at = first
  let since: number | undefined
  let last: number | undefined
  const positions = () => (at < end ? [{ partition: partition.id, offset: at }] : [])
  const attempt = doubling(settings.maxPollBytes, settings.pollTimeoutMs / 2)
  for await (const batch of consume(evictionsOf(settings), positions, attempt, signal)) {
    if (batch.outOfRange.length > 0) return false
    for (const record of batch.records) {
      // Leave newer records to the next poll, which moves the position past them: applied here, they would
      // keep all loads that begin until then from being shared and held.
      if (record.offset >= end) break
      await applyRecord(record, settings, (decoded) => {
        if (partition.generation === generation) applyDecoded(decoded, partition.targets)
      })
      if (partition.generation !== generation) return false
      since ??= dateOf(record)
      last = dateOf(record) ?? last
    }
    at = batch.next.get(partition.id) ?? at
  }
  // The log does not return all of it: what was missed may be an eviction.
  if (at < end) return false
  if (partition.generation !== generation) return false
  // From the first record to the last: more time has passed since, but our clock did not date them.
  const spanMs =
    first === 0 ? Infinity : since === undefined || last === undefined ? 0 : last - since - MAX_SKEW_MS
  for (const target of known) {
    target.extend(first)
    target.remembers(spanMs)
  }
  return true
}

/** Kafka returns -1 for a record without a timestamp. */
const dateOf = ({ timestamp = -1 }: LogRecord): number | undefined => (timestamp > 0 ? timestamp : undefined)

/**
 * Reads again what came before the position, for each anchoring and for namespaces that are declared after it.
 * It is no part of the proof: where it fails, values of the past are refused, and a later poll tries again. On Workers
 * two polls may do it at the same time: the one that proves first must have done it too.
 */
export const readPast: ReadPast = async ({ settings, clock }, targets, concerns, signal) => {
  const { runtime, pollTimeoutMs, emit } = settings
  const due = targets.filter(
    ({ partition }) =>
      partition.hasPosition &&
      partition.lookBackReasons > 0 &&
      concerns(partition) &&
      countOf(partition) > 0 &&
      clock.now() >= lookedBack(partition).dueAt,
  )
  if (due.length === 0) return signal.throwIfAborted()
  const lookBacks = due.map(async ({ partition, beginning }) => {
    const reasons = partition.lookBackReasons
    const task = (inner: AbortSignal) => lookBack(settings, partition, beginning, countOf(partition), inner)
    const complete = await withDeadline(runtime, pollTimeoutMs, silent, task, signal).catch(
      (error: unknown) => {
        emit?.({ type: 'background_error', error })
        return false
      },
    )
    ended(partition, complete, reasons, clock.now())
  })
  await Promise.all(lookBacks)
  signal.throwIfAborted()
}

const lookedBack = ({ lookedBack: so, lookBackReasons: reasons }: Partition): LookedBack =>
  so?.reasons === reasons ? so : { reasons, failures: 0, dueAt: -Infinity }

/** The past was looked up for as many reasons; if it failed, it is once more, some times, with growing pauses. */
function ended(partition: Partition, complete: boolean, reasons: number, now: number): void {
  if (!complete) for (const target of partition.targets) target.remembers(0)
  if (reasons !== partition.lookBackReasons) return
  const { failures } = lookedBack(partition)
  const isOver = complete || failures >= MAX_FAILURES
  const dueAt = isOver ? Infinity : now + backoffMs(BACKOFF, failures)
  partition.lookedBack = { reasons, failures: failures + 1, dueAt }
}

/** How many evictions before the position are of use. */
const countOf = ({ targets }: Partition): number =>
  Math.max(0, ...[...targets].map(({ lookBack: count }) => count ?? 0))

const silent = () =>
  new KedgeError('ERR_TIMEOUT', 'the log did not return the evictions of `lookBack` in time', {
    retryable: true,
  })
