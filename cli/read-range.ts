/** Reads a range of a topic to its end. @module */
import type { KafkaLog, LogRecord, PartitionOffsets, Position } from '../src/ports/kafka-log.ts'
import { consume } from '../src/runtime/consumer.ts'
import type { Fetch } from '../src/runtime/consumer.ts'
import type { Runtime } from '../src/ports/runtime.ts'

const READ_BYTES = 1_000_000
/** A record may be larger than an answer: the reader then asks for more, up to this. */
const MOST_READ_BYTES = 16_000_000
/** How long a proxy may return nothing below the end: consumers warm up, brokers start. */
const STALL_MS = 10_000
const WAIT_MS = 500

export interface RecordRange {
  readonly topic: string
  readonly from: readonly Position[]
  /** Where to stop, by partition. */
  readonly ends: ReadonlyMap<number, number>
  readonly isolation: 'committed' | 'uncommitted'
}

export interface RangeOptions {
  readonly runtime: Runtime
  readonly signal: AbortSignal
  readonly take: (record: LogRecord) => void | Promise<void>
  /** Called when retention has deleted unread records: reading continues at `at`. */
  readonly onGap?: (partition: number, at: number) => void
}

export const endsOf = (bounds: readonly PartitionOffsets[]): Map<number, number> =>
  new Map(bounds.map(({ partition, end }) => [partition, end]))

/**
 * Reads every record of the range. Resolves with the next offset of each partition: below its end only
 * where the proxy returned nothing for {@link STALL_MS} (an open transaction, a record that does not fit).
 */
export async function readRange(
  log: KafkaLog,
  range: RecordRange,
  options: RangeOptions,
): Promise<Position[]> {
  const { runtime, signal, take, onGap } = options
  const { topic, ends, isolation } = range
  const at = new Map(range.from.map(({ partition, offset }) => [partition, offset]))
  let moved = runtime.monotonic()
  let maxBytes = READ_BYTES
  const open = () =>
    [...at]
      .map(([partition, offset]) => ({ partition, offset }))
      .filter(({ partition, offset }) => offset < (ends.get(partition) ?? 0))
  const attempt = (): Fetch | undefined =>
    runtime.monotonic() - moved > STALL_MS ? undefined : { maxBytes, waitMs: WAIT_MS }
  for await (const batch of consume({ log, topic, isolation }, open, attempt, signal)) {
    for (const record of batch.records)
      if (record.offset < (ends.get(record.partition) ?? 0)) await take(record)
    const { outOfRange } = batch
    const gaps = outOfRange.length > 0 ? await log.offsets(topic, { partitions: outOfRange, signal }) : []
    for (const { partition, beginning } of gaps) onGap?.(partition, beginning)
    const steps = [...batch.next, ...gaps.map(({ partition, beginning }) => [partition, beginning] as const)]
    if (steps.some(([partition, offset]) => offset > (at.get(partition) ?? Infinity))) {
      moved = runtime.monotonic()
      maxBytes = READ_BYTES
    } else {
      maxBytes = Math.min(maxBytes * 4, MOST_READ_BYTES)
      await runtime.sleep(100, signal)
    }
    for (const [partition, offset] of steps) at.set(partition, Math.max(offset, at.get(partition) ?? 0))
  }
  return [...at].map(([partition, offset]) => ({ partition, offset }))
}
