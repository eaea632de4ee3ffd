/** Each part draws from a generator of its own, so that a draw left out changes nothing for the others. @module */
import { seededRandom } from '../../../src/testing/seeded-random.ts'

export type Random = () => number

/** The generator of this name, in the run of this seed. */
export function randomOf(seed: number, name: string): Random {
  let hash = 0x811c9dc5 ^ seed
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193)
  return seededRandom(hash ^ (hash >>> 15))
}

export const pick = <T>(random: Random, items: readonly T[]): T =>
  items[Math.floor(random() * items.length)] as T
