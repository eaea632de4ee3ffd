/** Chance by a seed. */
import { seededRandom } from '../../src/testing/index.ts'

export class Dice {
  readonly random: () => number

  constructor(seed: number) {
    this.random = seededRandom(seed)
  }

  /** A whole number in `[0, count)`. */
  below(count: number): number {
    return Math.floor(this.random() * count)
  }

  chance(probability: number): boolean {
    return this.random() < probability
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T
  }
}
