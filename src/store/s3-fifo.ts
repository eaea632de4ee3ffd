/**
 * The values that an isolate holds of one namespace, bounded in number and in bytes at every step.
 *
 * S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP '23). A key enters a small queue. At its
 * end it moves on to the main queue if it was read meanwhile; else it is evicted, and its hash remembered for a while
 * (the ghost): a key that comes back soon goes to the main queue at once. At the end of the main queue a key that was read
 * goes round again, each time with one use less; one that was not is evicted. So what is asked for once does not drive out
 * what is asked for often, and a hit moves nothing: it is one lookup and one count (decision 108).
 *
 * - Room is made before an entry is put in, so that no bound is exceeded for a moment.
 * - How much of the store is in the small queue counts by what the eviction is for: entries or bytes. It is a share of what is
 *   held, not of the limits, because a store may have to give way to others long before it reaches its own.
 * - The queues have keys, not entries: a value that replaces another one takes its place. So does one that follows a deleted
 *   one: the place of a deleted key stays, marked, until the queue has come to it, or until there are too many of them.
 *
 * Keyed by the bare key: building a composite key costs more than the lookup.
 *
 * @module
 */
import type { Budget, StoreLimits } from './budget.ts'
import { Columns, IN_MAIN, USES } from './columns.ts'
import type { StoredEntry } from './entry.ts'
import { Ghost, hashOf } from './ghost.ts'
import { KeyQueue } from './key-queue.ts'

/** The small queue is this part of the store: it gives way first while it is at least as large. */
const SMALL = 1 / 10
/** Evicted entries that are remembered, for each that is held. */
const GHOSTS_EACH = 2
/** How many entries one eviction spares at most: else it would go round the whole store where all of it is read often. */
const MOST_SPARED = 64
/** Places of deleted keys: that many, and half of the entries held. */
const GRAVES = 16
/** Free slots that a store may keep: that many, and thrice as many as are in use. */
const FREE_SLOTS = 32
/** What a deleted key has instead of a slot, by the queue that its place is in. */
const GONE_SMALL = -1
const GONE_MAIN = -2
/** As {@link USES}. A constant of this module is part of the machine code of a hit, one of another module is looked up. */
const MOST_USES = USES

export class S3FifoStore<T> {
  entries = 0
  bytes = 0
  readonly limits: StoreLimits
  /** What is held. Slots may move whenever the store changes. */
  columns: Columns<T> = new Columns<T>()
  /** The slots of keys, and {@link GONE_SMALL} or {@link GONE_MAIN}. */
  readonly #map = new Map<string, number>()
  readonly #small = new KeyQueue()
  readonly #main = new KeyQueue()
  /** Of the entries in the small queue. */
  #smallEntries = 0
  #smallBytes = 0
  readonly #ghost = new Ghost()
  readonly #budget: Budget
  readonly #onCapacity: (key: string) => void

  /** @param onCapacity called once for each key that was evicted for want of room */
  constructor(limits: StoreLimits, budget: Budget, onCapacity: (key: string) => void) {
    this.limits = limits
    this.#budget = budget
    this.#onCapacity = onCapacity
    budget.add(this)
  }

  /** Gives up its share of the budget, for good. What it holds must have been dropped. */
  close(): void {
    this.#budget.remove(this)
  }

  /** The part of its own limits in use, with so many more. */
  fullness(entries: number, bytes: number): number {
    const { maxEntries, maxBytes } = this.limits
    return Math.max((this.entries + entries) / maxEntries, (this.bytes + bytes) / maxBytes)
  }

  /** The slot of the key, which counts as used. Whether its value may be served is not decided here. */
  get(key: string): number | undefined {
    const slot = this.#map.get(key)
    if (slot === undefined || slot < 0) return undefined
    const { cells } = this.columns
    const state = cells[(slot << 1) | 1] as number
    // Not written where it says so already: most hits are of what was hit before.
    if ((state & MOST_USES) !== MOST_USES) cells[(slot << 1) | 1] = state + 1
    return slot
  }

  /** The slot of the key, without counting as use. */
  find(key: string): number | undefined {
    const slot = this.#map.get(key)
    return slot === undefined || slot < 0 ? undefined : slot
  }

  /** All of the entry, without counting as use. */
  peek(key: string): StoredEntry<T> | undefined {
    const slot = this.find(key)
    return slot === undefined ? undefined : this.columns.entry(slot)
  }

  /** Holds the entry, evicting others. Its bytes must be within the limits. */
  set(key: string, entry: StoredEntry<T>): void {
    const { bytes } = entry
    const { maxEntries, maxBytes } = this.limits
    const old = this.find(key)
    const uses = old === undefined ? 0 : this.columns.state(old) & USES
    if (old !== undefined) this.#bury(key, old)
    while (this.entries >= maxEntries) this.evict('entries')
    while (this.bytes + bytes > maxBytes && this.entries > 0) this.evict('bytes')
    if (this.#budget.isFullFor(bytes)) this.#budget.makeRoom(bytes, this)
    // Looked up again: the place of a deleted key may have gone while room was made.
    const place = this.#map.get(key)
    let queue = place === GONE_MAIN ? IN_MAIN : 0
    if (place === undefined) {
      if (!this.#ghost.isEmpty && this.#ghost.take(hashOf(key), this.#reach)) queue = IN_MAIN
      ;(queue === 0 ? this.#small : this.#main).push(key)
    }
    const slot = this.columns.add(entry, queue + uses, maxEntries)
    this.#map.set(key, slot)
    this.#count(slot, 1)
  }

  delete(key: string): boolean {
    const slot = this.find(key)
    if (slot === undefined) return false
    this.#bury(key, slot)
    if (this.#map.size - this.entries > GRAVES + this.entries / 2) this.#clearGraves()
    return true
  }

  /** Drops every entry that the predicate names. */
  sweep(drops: (key: string, entry: StoredEntry<T>) => boolean): void {
    // A listener that gets a drop may read, or have more put in: what comes in meanwhile stands behind all that is there now.
    let left = this.#map.size
    for (const [key, slot] of this.#map) {
      if (left-- === 0) return
      if (slot >= 0 && drops(key, this.columns.entry(slot))) this.delete(key)
    }
  }

  /** Evicts one entry. The store must not be empty. @param by what there is too much of */
  evict(by: 'entries' | 'bytes'): void {
    for (let spared = 0; ;) {
      const isSmall = this.#isSmallFull(by)
      const key = (isSmall ? this.#small : this.#main).shift()
      const slot = this.#map.get(key)!
      if (slot >= 0) {
        if ((this.columns.state(slot) & USES) === 0 || spared === MOST_SPARED) {
          this.#leave(key, slot, isSmall)
          return
        }
        spared++
        this.#spare(key, slot, isSmall)
      } else this.#map.delete(key)
    }
  }

  #leave(key: string, slot: number, isSmall: boolean): void {
    this.#map.delete(key)
    this.#remove(slot)
    if (isSmall) this.#ghost.add(hashOf(key), this.#reach)
    this.#onCapacity(key)
  }

  /** How many departures are remembered. */
  get #reach(): number {
    return GHOSTS_EACH * (this.entries + 1)
  }

  #isSmallFull(by: 'entries' | 'bytes'): boolean {
    if (this.#smallEntries === 0 || this.#smallEntries === this.entries) return this.#smallEntries > 0
    return by === 'entries'
      ? this.#smallEntries >= this.entries * SMALL
      : this.#smallBytes >= this.bytes * SMALL
  }

  /** To the end of the main queue. */
  #spare(key: string, slot: number, isSmall: boolean): void {
    const { columns } = this
    const state = columns.state(slot)
    columns.setState(slot, isSmall ? state + IN_MAIN - (state & USES) : state - 1)
    if (isSmall) {
      this.#smallEntries--
      this.#smallBytes -= columns.bytes(slot)
    }
    this.#main.push(key)
  }

  /** Leaves nothing of the entry but its place. */
  #bury(key: string, slot: number): void {
    this.#map.set(key, (this.columns.state(slot) & IN_MAIN) === 0 ? GONE_SMALL : GONE_MAIN)
    this.#remove(slot)
  }

  #remove(slot: number): void {
    this.#count(slot, -1)
    this.columns.remove(slot)
    if (this.columns.slots > FREE_SLOTS + 4 * this.entries) this.#pack()
  }

  #count(slot: number, sign: 1 | -1): void {
    const bytes = sign * this.columns.bytes(slot)
    this.entries += sign
    this.bytes += bytes
    this.#budget.entries += sign
    this.#budget.bytes += bytes
    if ((this.columns.state(slot) & IN_MAIN) !== 0) return
    this.#smallEntries += sign
    this.#smallBytes += bytes
  }

  #clearGraves(): void {
    for (const queue of [this.#small, this.#main]) {
      for (let left = queue.length; left > 0; left--) {
        const key = queue.shift()
        if (this.#map.get(key)! >= 0) queue.push(key)
        else this.#map.delete(key)
      }
    }
  }

  /** Gives the memory of free slots back, where there are too many of them. */
  #pack(): void {
    const from = this.columns
    this.columns = new Columns<T>()
    for (const [key, slot] of this.#map) {
      if (slot < 0) continue
      const marks = from.state(slot) & (IN_MAIN | USES)
      this.#map.set(key, this.columns.add(from.entry(slot), marks, this.entries))
    }
  }
}
