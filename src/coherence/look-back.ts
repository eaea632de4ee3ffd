/**
 * Recalling: reads the evictions before the position again, so that values of that time can be judged.
 *
 * @module
 */
import { applyEviction, decodeRecord, evictionOf } from './apply-eviction.ts'
import type { LogRecord } from '../ports/kafka-log.ts'
import type { Partition } from './partition.ts'
import type { Settings } from '../api/settings.ts'

/** How far the clocks that date records may differ. This isolate's clock takes no part. */
const MAX_SKEW_MS = 5000
/** How many times the answer asked for may double when a record does not fit, or nothing comes. */
const MAX_DOUBLINGS = 4

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
  const { log, evictionsTopic, maxPollBytes, codec, maxMessageBytes, pollTimeoutMs } = settings
  if (!partition.anchored) return false
  const { generation, position: end } = partition
  const first = Math.max(beginning, end - count)
  // A namespace that is declared while this goes on has missed the beginning.
  const known = [...partition.tenants]
  const options = { waitMs: pollTimeoutMs / 2, isolation: 'uncommitted', signal } as const
  let maxBytes = maxPollBytes
  let since: number | undefined
  let last: number | undefined
  for (let at = first; at < end;) {
    const from = [{ partition: partition.id, offset: at }]
    const result = await log.read(evictionsTopic, from, { ...options, maxBytes })
    for (const record of result.records) {
      // Leave newer records to the next poll, which moves the position past them: applied here, they would
      // keep all loads that begin until then from being shared and held.
      if (record.offset >= end) break
      const decoded = await decodeRecord(record, codec, maxMessageBytes)
      if (partition.generation !== generation) return false
      applyEviction(partition.tenants, evictionOf(decoded, partition.tenants), record.offset)
      since ??= dateOf(record)
      last = dateOf(record) ?? last
    }
    const next = result.next.find((position) => position.partition === partition.id)?.offset ?? at
    if (next <= at) {
      if (maxBytes >= maxPollBytes * 2 ** MAX_DOUBLINGS || result.outOfRange.length > 0) return false
      maxBytes *= 2
    }
    at = Math.max(at, next)
  }
  if (partition.generation !== generation) return false
  partition.recalled(first, since)
  // From the first record to the last: more time has passed since, but our clock did not date them.
  const spanMs =
    first === 0 ? Infinity : since === undefined || last === undefined ? 0 : last - since - MAX_SKEW_MS
  for (const tenant of known) {
    tenant.extend(first)
    tenant.remembers(spanMs)
  }
  return true
}

/** Kafka returns -1 for a record without a timestamp. */
const dateOf = ({ timestamp = -1 }: LogRecord): number | undefined => (timestamp > 0 ? timestamp : undefined)
