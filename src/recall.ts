/**
 * Recalling: evictions from before the position are read again, so that values of that time can be judged.
 *
 * @module
 */
import { applyEviction, decodeRecord, evictionOf } from './coherence.ts'
import type { Partition } from './partition.ts'
import type { Settings } from './settings.ts'

/** How far the clocks may differ by which records are dated. */
const MAX_SKEW_MS = 5000

/**
 * Reads the evictions of the last `count` offsets before the position and applies them; only when all are lowers the
 * horizon of the namespaces that were there from the beginning.
 *
 * @param beginning the oldest offset that the log holds
 */
export async function recall(
  settings: Settings,
  partition: Partition,
  beginning: number,
  count: number,
  signal: AbortSignal,
): Promise<void> {
  const { log, evictionsTopic, maxPollBytes, codec, maxMessageBytes, pollTimeoutMs } = settings
  if (!partition.anchored) return
  const { generation, position: end } = partition
  const first = Math.max(beginning, end - count)
  // A namespace that is declared while this goes on has missed the beginning.
  const known = [...partition.tenants]
  const options = {
    maxBytes: maxPollBytes,
    waitMs: pollTimeoutMs / 2,
    isolation: 'uncommitted',
    signal,
  } as const
  let since: number | undefined
  for (let at = first; at < end;) {
    const result = await log.read(evictionsTopic, [{ partition: partition.id, offset: at }], options)
    for (const record of result.records) {
      const decoded = await decodeRecord(record, codec, maxMessageBytes)
      if (partition.generation !== generation) return
      applyEviction(partition.tenants, evictionOf(decoded, partition.tenants), record.offset)
      since ??= record.timestamp
    }
    const next = result.next.find((position) => position.partition === partition.id)?.offset ?? at
    if (next <= at) return
    at = next
  }
  if (partition.generation !== generation) return
  partition.recalled(first, since)
  const spanMs =
    first === 0 ? Infinity : since === undefined ? 0 : settings.runtime.now() - since - MAX_SKEW_MS
  for (const tenant of known) {
    tenant.extend(first)
    tenant.remembers(spanMs)
  }
}
