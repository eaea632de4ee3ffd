/** Offsets and positions as strangers give them. @module */
import * as z from 'zod'
import type { LogRecord, PartitionOffsets, Position } from '../../../src/ports/kafka-log.ts'

/** A proxy may answer anything: this shape checks offsets and partitions before other code reads them. */
export const offsetShape: z.ZodType<number> = z.int().nonnegative()

/** A topic's partitions are at most this many here; an isolate polls one or a few. */
export const MAX_PARTITIONS = 4096

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
