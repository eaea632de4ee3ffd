/**
 * The entries of a store in columns: each has a slot, and what is known of it stands there.
 *
 * An object for each entry would weigh 24 bytes more, and 16 more for each number that is not small. What a hit reads
 * stands side by side: the value and its state, and the numbers. What few entries have is in columns of its own, which are
 * empty until one has it: eight bytes a slot from then on.
 *
 * @module
 */
import type { StoredEntry, Windows } from './entry.ts'

/** The lowest bits of an entry's state: how often it was read lately, 0 to 3. */
export const USES = 3
/** The bit that says in which queue of the store the entry is: the main one, not the small one. */
export const IN_MAIN = 4
/** The bytes of the entry stand above these bits. */
const BYTES = 8

export class Columns<T> {
  /** How many slots there are, free or not. */
  slots = 0
  #free = -1
  /**
   * For each slot its value, then its state: uses, queue and bytes in one whole number. A hit reads these two columns itself:
   * V8 makes no call part of its caller that was seldom come to, and a store is first filled by misses.
   */
  cells: unknown[] = []
  /** For each slot until when it is fresh, then its as-of. Whole numbers up to 2^53, as all here. */
  terms: number[] = []
  /** In a free slot: the next free one. */
  #loadedAt: number[] = []
  readonly #keepMs: (number | undefined)[] = []
  readonly #windows: (Windows | undefined)[] = []
  readonly #tags: (readonly string[] | undefined)[] = []
  readonly #versions: (number | undefined)[] = []

  value(slot: number): T {
    return this.cells[slot << 1] as T
  }

  state(slot: number): number {
    return this.cells[(slot << 1) | 1] as number
  }

  setState(slot: number, state: number): void {
    this.cells[(slot << 1) | 1] = state
  }

  bytes(slot: number): number {
    // Divided, not shifted: a shift cuts at 32 bits.
    return Math.floor(this.state(slot) / BYTES)
  }

  freshUntil(slot: number): number {
    return this.terms[slot << 1]!
  }

  asOf(slot: number): number {
    return this.terms[(slot << 1) | 1]!
  }

  setAsOf(slot: number, asOf: number): void {
    this.terms[(slot << 1) | 1] = asOf
  }

  version(slot: number): number | undefined {
    return this.#versions[slot]
  }

  /** All of the entry, as it is now. */
  entry(slot: number): StoredEntry<T> {
    return {
      value: this.value(slot),
      freshUntil: this.freshUntil(slot),
      asOf: this.asOf(slot),
      bytes: this.bytes(slot),
      loadedAt: this.#loadedAt[slot]!,
      keepMs: this.#keepMs[slot] ?? 0,
      windows: this.#windows[slot],
      tags: this.#tags[slot],
      version: this.version(slot),
    }
  }

  /** The slot that the entry is put into. @param marks its uses and queue @param most how many slots are ever needed */
  add(entry: StoredEntry<T>, marks: number, most: number): number {
    if (this.#free < 0) this.#grow(most)
    const slot = this.#free
    this.#free = this.#loadedAt[slot]!
    this.terms[slot << 1] = entry.freshUntil
    this.terms[(slot << 1) | 1] = entry.asOf
    this.#loadedAt[slot] = entry.loadedAt
    this.cells[slot << 1] = entry.value
    this.setState(slot, entry.bytes * BYTES + marks)
    write(this.#keepMs, slot, entry.keepMs || undefined)
    write(this.#windows, slot, entry.windows)
    write(this.#tags, slot, entry.tags)
    write(this.#versions, slot, entry.version)
    return slot
  }

  /** Frees the slot. Nothing of the entry stays on the heap. */
  remove(slot: number): void {
    this.cells[slot << 1] = undefined
    write(this.#windows, slot)
    write(this.#tags, slot)
    this.#loadedAt[slot] = this.#free
    this.#free = slot
  }

  /** Adds an eighth, not twice as many: most stores stop growing before they are full. */
  #grow(most: number): void {
    const { slots } = this
    // One at least: a listener may have had values put in while room was made.
    const more = Math.max(1, Math.min((slots >> 3) + 8, most - slots))
    this.slots += more
    this.cells = longer<unknown>(this.cells, 2 * more, undefined)
    this.terms = longer(this.terms, 2 * more, 0)
    this.#loadedAt = longer(this.#loadedAt, more, 0)
    // The lowest comes first: the columns of what few have end with the highest slot that has it.
    for (let slot = this.slots; slot-- > slots; this.#free = slot) this.#loadedAt[slot] = this.#free
  }
}

/** By exactly so many: V8 would add half of its length to an array that grows by itself. */
function longer<V>(column: readonly V[], more: number, value: V): V[] {
  return column.concat(Array.from({ length: more }, () => value))
}

/** Writes into a column that ends with the last slot that has anything there. */
function write<V>(column: V[], slot: number, value?: V): void {
  if (value !== undefined || slot < column.length) column[slot] = value as V
}
