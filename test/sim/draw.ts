/**
 * Draws of a plan. Each part has a generator of its own, made from the seed and a name: the draws of one part do not
 * change those of the others.
 *
 * @module
 */
import { seededRandom } from '../../src/testing/index.ts'

export interface Draw {
  /** In `[0, 1)`. */
  unit(): number
  chance(probability: number): boolean
  /** Whole numbers, both ends included. */
  between(least: number, most: number): number
  pick<T>(items: readonly T[]): T
  /** One of the names, as often as its weight says. */
  weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name
  /** One of the items, the first of them most often: the n-th as often as `1 / n`. */
  zipf<T>(items: readonly T[]): T
  /** Mostly near `scale`, seldom many times as much, never more than `most`: Pareto, of shape 1.1. */
  heavy(scale: number, most: number): number
}

export function draw(seed: number, name: string): Draw {
  const unit = seededRandom(mixed(seed, name))
  const pick = <T>(items: readonly T[]): T => items[Math.floor(unit() * items.length)] as T
  return {
    unit,
    chance: (probability) => unit() < probability,
    between: (least, most) => least + Math.floor(unit() * (most - least + 1)),
    pick,
    weighted<Name extends string>(weights: Readonly<Record<Name, number>>) {
      const entries = Object.entries<number>(weights)
      let left = unit() * entries.reduce((sum, [, weight]) => sum + weight, 0)
      for (const [item, weight] of entries) {
        left -= weight
        if (left < 0) return item as Name
      }
      return entries.at(-1)![0] as Name
    },
    zipf(items) {
      let left = unit() * items.reduce((sum, _, at) => sum + 1 / (at + 1), 0)
      const at = items.findIndex((_, index) => (left -= 1 / (index + 1)) < 0)
      return items[at === -1 ? 0 : at] as (typeof items)[number]
    },
    heavy: (scale, most) => Math.min(most, Math.round(scale * (1 - unit()) ** (-1 / 1.1))),
  }
}

/** A seed of its own for each name (FNV-1a over the name, then the finaliser of MurmurHash3). */
function mixed(seed: number, name: string): number {
  let hash = 0x811c9dc5 ^ seed
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193)
  hash ^= Math.floor(seed / 2 ** 32)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
