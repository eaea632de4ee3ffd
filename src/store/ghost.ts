/**
 * Which keys have left a store lately: hashes of them, not the keys.
 *
 * A table of hashes, each with the number of the departure that it stands for. A key may stand in {@link WINDOW}
 * slots, beginning with the one that its hash names. What has left too long ago counts as a free slot; where the window
 * has none, the oldest in it gives way. So nothing is ever searched or moved further than that, and two keys of one
 * hash only mean that one of them is taken for the other: the store then keeps it for longer than it had to.
 *
 * @module
 */
import { fnv1a } from './fnv.ts'

/** Slots in which a hash may stand. */
const WINDOW = 16
const FIRST_SLOTS = 64
/** Slots for each departure that is to be remembered: 8 bytes each. */
const SLOTS_EACH = 4 / 3

export class Ghost {
  /** Whether anything has ever left: else no hash need be made. */
  isEmpty = true
  #hashes: Uint32Array = new Uint32Array(0)
  /** The number of the departure, 1 for the first; 0 in a free slot. */
  #numbers: Uint32Array = new Uint32Array(0)
  #count = 0

  /** Remembers that the key of this hash has left. @param reach how many departures are to be remembered */
  add(hash: number, reach: number): void {
    const slots = this.#hashes.length
    if (Math.min(this.#count, reach) * SLOTS_EACH >= slots) this.#grow(Math.ceil(reach * SLOTS_EACH), reach)
    this.isEmpty = false
    this.#count++
    this.#put(hash, this.#count, reach)
  }

  /** Whether the key of this hash was among the last `reach` that left. It is forgotten. */
  take(hash: number, reach: number): boolean {
    const slots = this.#hashes.length
    if (slots === 0) return false
    for (let step = 0, at = hash % slots; step < WINDOW; step++, at = at + 1 === slots ? 0 : at + 1) {
      const number = this.#numbers[at]!
      if (number === 0 || this.#hashes[at] !== hash || this.#age(number) >= reach) continue
      this.#numbers[at] = 0
      return true
    }
    return false
  }

  /** How many have left since. Numbers are those of 32 bits, and so are their differences. */
  #age(number: number): number {
    return (this.#count - number) >>> 0
  }

  #put(hash: number, number: number, reach: number): void {
    const slots = this.#hashes.length
    let oldest = hash % slots
    let most = -1
    for (
      let step = 0, at = oldest;
      step < WINDOW && most < reach;
      step++, at = at + 1 === slots ? 0 : at + 1
    ) {
      const there = this.#numbers[at]!
      const age = there === 0 ? Infinity : this.#age(there)
      if (age <= most) continue
      most = age
      oldest = at
    }
    this.#hashes[oldest] = hash
    this.#numbers[oldest] = number
  }

  #grow(most: number, reach: number): void {
    const hashes = this.#hashes
    const numbers = this.#numbers
    const slots = Math.max(FIRST_SLOTS, Math.min(most, 2 * hashes.length))
    this.#hashes = new Uint32Array(slots)
    this.#numbers = new Uint32Array(slots)
    for (const [at, number] of numbers.entries())
      if (number !== 0 && this.#age(number) < reach) this.#put(hashes[at]!, number, reach)
  }
}

/** A hash of 32 bits of the text (FNV-1a, its bits mixed once more). */
export function hashOf(text: string): number {
  let hash = fnv1a(text)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
