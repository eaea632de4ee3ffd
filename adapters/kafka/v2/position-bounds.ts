/** Where the positions of a read lie: behind the ends, at them, or outside of the log. @module */
import type { PartitionOffsets, Position } from '../../../src/ports/kafka-log.ts'
import type { Call } from '../rest/http.ts'
import { outside } from '../rest/positions.ts'
import { boundsOf } from './offsets.ts'

/** Bounds remembered from `offsets()`, each for one read. */
const MAX_HINTS = 256

/** The positions of a read, by what the bounds say of them. */
export interface SortedPositions {
  readonly behind: readonly Position[]
  /** How many offsets lie between them and the ends. */
  readonly distance: number
  readonly outOfRange: readonly number[]
}

function sortPositions(positions: readonly Position[], bounds: readonly PartitionOffsets[]): SortedPositions {
  const outOfRange = outside(positions, bounds)
  const ends = new Map(bounds.map(({ partition, end }) => [partition, end]))
  const behind = positions.filter(
    ({ partition, offset }) => !outOfRange.includes(partition) && offset < (ends.get(partition) ?? 0),
  )
  const distance = behind.reduce((sum, at) => sum + (ends.get(at.partition) ?? 0) - at.offset, 0)
  return { behind, distance, outOfRange }
}

/** The positions, by the bounds as they are now. */
export async function sortNow(
  call: Call,
  topic: string,
  positions: readonly Position[],
): Promise<SortedPositions> {
  const partitions = positions.map(({ partition }) => partition)
  return sortPositions(positions, await boundsOf(call, topic, partitions))
}

/** Bounds just sampled, so that the read that follows need not ask again. */
export class BoundsHints {
  readonly #hints = new Map<string, PartitionOffsets>()

  keep(topic: string, bounds: readonly PartitionOffsets[]): void {
    for (const bound of bounds) {
      const key = hintKey(topic, bound.partition)
      this.#hints.delete(key)
      if (this.#hints.size >= MAX_HINTS) this.#hints.delete(this.#hints.keys().next().value ?? '')
      this.#hints.set(key, bound)
    }
  }

  /** The remembered bounds, where all positions lie well inside of them. Each serves once. */
  take(topic: string, positions: readonly Position[]): SortedPositions | undefined {
    const bounds: PartitionOffsets[] = []
    for (const { partition } of positions) {
      const key = hintKey(topic, partition)
      const bound = this.#hints.get(key)
      if (bound) bounds.push(bound)
      this.#hints.delete(key)
    }
    if (bounds.length < positions.length) return undefined
    const sorted = sortPositions(positions, bounds)
    // A position at the remembered end may have records by now.
    return sorted.behind.length === positions.length ? sorted : undefined
  }
}

const hintKey = (topic: string, partition: number): string => `${partition} ${topic}`
