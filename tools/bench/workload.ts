/**
 * What every subject is asked: the same keys, the same values, in the same order.
 *
 * @module
 */
import { seededRandom } from '../../src/testing/index.ts'

/** A value of five fields. `id` goes into the checksum of a run. */
export interface Value {
  readonly id: number
  readonly name: string
  readonly email: string
  readonly team: number
  readonly active: boolean
}

/** Keys of the speed runs; all of them are held, so that every read is a hit. */
export const HELD = 10_000
/**
 * How many entries the bounded subjects may hold: so many that none evicts, and that quick-lru, which keeps two
 * generations, holds all of them in its younger one.
 */
export const CAPACITY = 25_000

export const keyOf = (index: number): string => `user-${index}`

export const valueOf = (index: number): Value => ({
  id: index,
  name: `Name ${index}`,
  email: `user-${index}@example.org`,
  team: index % 97,
  active: index % 3 === 0,
})

/** Indexes of keys in the order they are asked for: Zipf with exponent 1, the ranks dealt out at random. */
export function zipfOrder(length: number, keys: number, seed: number): Uint32Array {
  const random = seededRandom(seed)
  const ranks = shuffled(
    Array.from({ length: keys }, (_, index) => index),
    random,
  )
  return zipfRanks(length, keys, 1, random).map((rank) => ranks[rank]!)
}

/** Ranks, 0 for the first, each as often as Zipf with this exponent says. */
export function zipfRanks(
  length: number,
  ranks: number,
  exponent: number,
  random: () => number,
): Uint32Array {
  const cumulative = new Float64Array(ranks)
  let total = 0
  for (let rank = 0; rank < ranks; rank++) cumulative[rank] = total += 1 / (rank + 1) ** exponent
  return Uint32Array.from({ length }, () => lowerBound(cumulative, random() * total))
}

/** The same elements in another order (Fisher and Yates). */
export function shuffled<T>(elements: readonly T[], random: () => number): T[] {
  const result = [...elements]
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    ;[result[last], result[other]] = [result[other]!, result[last]!]
  }
  return result
}

/** The first index whose number is at or above `wanted`. */
function lowerBound(ascending: Float64Array, wanted: number): number {
  let low = 0
  let high = ascending.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (ascending[middle]! < wanted) low = middle + 1
    else high = middle
  }
  return low
}
