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
import { GONE, IN_MAIN, storedEntry, USES, type StoredEntry } from './entry.ts'
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

/** What stands in the place of a deleted key, by its queue. */
const gone = (state: number): StoredEntry<never> => {
  const rest = { asOf: 0, loadedAt: 0, ttlMs: 0, keepMs: 0, tags: undefined, version: undefined }
  return Object.assign(storedEntry<never>({ value: undefined as never, ...rest }, 0), { state })
}
const GONE_SMALL = gone(GONE)
const GONE_MAIN = gone(GONE | IN_MAIN)

export class S3FifoStore<T> {
  entries = 0
  bytes = 0
  readonly limits: StoreLimits
  readonly #map = new Map<string, StoredEntry<T>>()
  #small = new KeyQueue()
  #main = new KeyQueue()
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

  /** The part of its own limits in use, with so many more. */
  fullness(entries: number, bytes: number): number {
    const { maxEntries, maxBytes } = this.limits
    return Math.max((this.entries + entries) / maxEntries, (this.bytes + bytes) / maxBytes)
  }

  /** The entry, which counts as used. Whether it may be served is not decided here. */
  get(key: string): StoredEntry<T> | undefined {
    const entry = this.#map.get(key)
    if (entry === undefined) return undefined
    const { state } = entry
    // Not written where it says so already: most hits are of what was hit before. What is gone has no uses.
    if ((state & USES) !== USES) {
      if ((state & GONE) !== 0) return undefined
      entry.state = state + 1
    }
    return entry
  }

  /** The entry, without counting as use. */
  peek(key: string): StoredEntry<T> | undefined {
    const entry = this.#map.get(key)
    return entry === undefined || (entry.state & GONE) !== 0 ? undefined : entry
  }

  /** Holds the entry, evicting others. Its bytes must be within the limits. */
  set(key: string, entry: StoredEntry<T>): void {
    const { bytes } = entry
    const { maxEntries, maxBytes } = this.limits
    const old = this.peek(key)
    if (old !== undefined) this.#bury(key, old)
    while (this.entries >= maxEntries) this.evict('entries')
    while (this.bytes + bytes > maxBytes && this.entries > 0) this.evict('bytes')
    if (this.#budget.isFullFor(bytes)) this.#budget.makeRoom(bytes, this)
    // Looked up again: the place of a deleted key may have gone while room was made.
    const place = this.#map.get(key)
    let queue = place === undefined ? 0 : place.state & IN_MAIN
    if (place === undefined) {
      if (!this.#ghost.isEmpty && this.#ghost.take(hashOf(key), this.#reach)) queue = IN_MAIN
      ;(queue === 0 ? this.#small : this.#main).push(key)
    }
    entry.state += queue + (old === undefined ? 0 : old.state & USES)
    this.#map.set(key, entry)
    this.#count(entry, 1)
  }

  delete(key: string): boolean {
    const entry = this.peek(key)
    if (entry === undefined) return false
    this.#bury(key, entry)
    if (this.#map.size - this.entries > GRAVES + this.entries / 2) this.#clearGraves()
    return true
  }

  /** Drops every entry that the predicate names. */
  sweep(drops: (key: string, entry: StoredEntry<T>) => boolean): void {
    // A listener that gets a drop may read, or have more put in: what comes in meanwhile stands behind all that is there now.
    let left = this.#map.size
    for (const [key, entry] of this.#map) {
      if (left-- === 0) return
      if ((entry.state & GONE) === 0 && drops(key, entry)) this.delete(key)
    }
  }

  clear(): void {
    this.#budget.entries -= this.entries
    this.#budget.bytes -= this.bytes
    this.entries = this.bytes = this.#smallEntries = this.#smallBytes = 0
    this.#map.clear()
    this.#small = new KeyQueue()
    this.#main = new KeyQueue()
    this.#ghost.clear()
  }

  /** Evicts one entry. The store must not be empty. @param by what there is too much of */
  evict(by: 'entries' | 'bytes'): void {
    for (let spared = 0; ;) {
      const isSmall = this.#isSmallFull(by)
      const key = (isSmall ? this.#small : this.#main).shift()
      const entry = this.#map.get(key)!
      if ((entry.state & GONE) === 0) {
        if ((entry.state & USES) === 0 || spared === MOST_SPARED) {
          this.#leave(key, entry, isSmall)
          return
        }
        spared++
        this.#spare(key, entry, isSmall)
      } else this.#map.delete(key)
    }
  }

  #leave(key: string, entry: StoredEntry<T>, isSmall: boolean): void {
    this.#map.delete(key)
    this.#count(entry, -1)
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
  #spare(key: string, entry: StoredEntry<T>, isSmall: boolean): void {
    if (isSmall) {
      this.#count(entry, -1)
      entry.state += IN_MAIN - (entry.state & USES)
      this.#count(entry, 1)
    } else entry.state--
    this.#main.push(key)
  }

  /** Leaves nothing of the entry but its place. */
  #bury(key: string, entry: StoredEntry<T>): void {
    this.#count(entry, -1)
    this.#map.set(key, (entry.state & IN_MAIN) === 0 ? GONE_SMALL : GONE_MAIN)
  }

  #count(entry: StoredEntry<T>, sign: 1 | -1): void {
    const bytes = sign * entry.bytes
    this.entries += sign
    this.bytes += bytes
    this.#budget.entries += sign
    this.#budget.bytes += bytes
    if ((entry.state & IN_MAIN) !== 0) return
    this.#smallEntries += sign
    this.#smallBytes += bytes
  }

  #clearGraves(): void {
    for (const queue of [this.#small, this.#main]) {
      for (let left = queue.length; left > 0; left--) {
        const key = queue.shift()
        if ((this.#map.get(key)!.state & GONE) === 0) queue.push(key)
        else this.#map.delete(key)
      }
    }
  }
}
