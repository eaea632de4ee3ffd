/** How positions move, and whether they lie inside of the log. @module */
import type { LogRecord, PartitionOffsets, Position } from '../../../src/ports/kafka-log.ts'

/** For every position, where to read next after these records. */
export function advance(positions: readonly Position[], records: readonly LogRecord[]): Position[] {
  const next = new Map(positions.map(({ partition, offset }) => [partition, offset]))
  for (const { partition, offset } of records) next.set(partition, offset + 1)
  return positions.map(({ partition }) => ({ partition, offset: next.get(partition) ?? 0 }))
}

/** The partitions whose position lies outside of `[beginning, end]`. */
export function outside(positions: readonly Position[], bounds: readonly PartitionOffsets[]): number[] {
  const of = new Map(bounds.map((bound) => [bound.partition, bound]))
  return positions
    .filter(({ partition, offset }) => {
      const bound = of.get(partition)
      return bound !== undefined && (offset < bound.beginning || offset > bound.end)
    })
    .map(({ partition }) => partition)
}

/** Whether offsets are missing before or between the records: compaction, or a jump after loss. */
export function hasGap(positions: readonly Position[], records: readonly LogRecord[]): boolean {
  const next = new Map(positions.map(({ partition, offset }) => [partition, offset]))
  return records.some(({ partition, offset }) => {
    const gap = next.get(partition) !== offset
    next.set(partition, offset + 1)
    return gap
  })
}
