/** Medians and spreads. @module */

/** The median, and how far the measurements lie apart. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** @param numbers at least one */
export function spreadOf(numbers: readonly number[]): Spread {
  return { median: medianOf(numbers), min: Math.min(...numbers), max: Math.max(...numbers) }
}

/** @param numbers at least one */
export function medianOf(numbers: readonly number[]): number {
  const ascending = [...numbers].sort((a, b) => a - b)
  const middle = ascending.length >> 1
  const upper = ascending[middle]!
  return ascending.length % 2 === 1 ? upper : (ascending[middle - 1]! + upper) / 2
}
