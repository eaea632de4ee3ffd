/** Sorts the positions of a read: behind the ends, at them, or outside of the log. @module */
import type { PartitionOffsets, Position } from '../../../src/ports/kafka-log.ts'
import { outside } from '../rest/positions.ts'

/** The positions of a read, by what the bounds say of them. */
export interface SortedPositions {
  readonly behind: readonly Position[]
  /** How many offsets lie between them and the ends. */
  readonly distance: number
  readonly outOfRange: readonly number[]
}

export function sortPositions(
  positions: readonly Position[],
  bounds: readonly PartitionOffsets[],
): SortedPositions {
  const outOfRange = outside(positions, bounds)
  const ends = new Map(bounds.map(({ partition, end }) => [partition, end]))
  const behind = positions.filter(
    ({ partition, offset }) => !outOfRange.includes(partition) && offset < (ends.get(partition) ?? 0),
  )
  const distance = behind.reduce((sum, at) => sum + (ends.get(at.partition) ?? 0) - at.offset, 0)
  return { behind, distance, outOfRange }
}
