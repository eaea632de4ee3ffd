/**
 * The values that an isolate holds, bounded in number and in bytes at every step.
 *
 * One LRU (quick-lru) for each namespace, keyed by the bare key: building a composite key costs more than the
 * lookup. A {@link Budget} is shared by all of them. quick-lru keeps two generations and holds up to twice its
 * `maxSize`, so it is given half of what we promise; bytes are counted here (decision 12).
 *
 * @module
 */
import QuickLRU from 'quick-lru'
import type { StoredEntry } from './entry.ts'

export interface StoreLimits {
  readonly maxEntries: number
  readonly maxBytes: number
}

/** The share of a limit that is freed at once when it is exceeded by bytes, so that eviction is not per insert. */
const SLACK = 1 / 16

/** What all stores of a cache may hold together. */
export class Budget {
  entries = 0
  bytes = 0
  readonly limits: StoreLimits
  readonly #stores: LruStore<unknown>[] = []

  constructor(limits: StoreLimits) {
    this.limits = limits
  }

  add(store: LruStore<unknown>): void {
    this.#stores.push(store)
  }

  /**
   * Evicts from the store that uses most of its own share until the limits hold. What was `just` set stays, so that a
   * namespace with a small share keeps something too.
   */
  enforce(just: object, key: string): void {
    while (this.entries > this.limits.maxEntries || this.bytes > this.limits.maxBytes) {
      let fullest: LruStore<unknown> | undefined
      for (const store of this.#stores) {
        const least = store === just ? 1 : 0
        if (store.entries > least && (fullest === undefined || store.fullness > fullest.fullness))
          fullest = store
      }
      if (fullest === undefined) return
      const over = this.bytes - this.limits.maxBytes
      const slack = over + this.limits.maxBytes * SLACK
      fullest.evict(Math.ceil(fullest.entries * SLACK), over, slack, fullest === just ? key : undefined)
    }
  }
}

export class LruStore<T> {
  entries = 0
  bytes = 0
  readonly limits: StoreLimits
  readonly #lru: QuickLRU<string, StoredEntry<T>>
  readonly #budget: Budget
  readonly #onCapacity: (key: string) => void

  constructor(limits: StoreLimits, budget: Budget, onCapacity: (key: string) => void) {
    this.limits = limits
    this.#budget = budget
    this.#onCapacity = onCapacity
    this.#lru = new QuickLRU({
      // Two generations of this size, less one, is what quick-lru holds at most.
      maxSize: Math.floor((limits.maxEntries + 1) / 2),
      onEviction: (key, entry) => {
        this.#forget(entry)
        this.#onCapacity(key)
      },
    })
    budget.add(this)
  }

  /** The part of its own limits in use, 0 to 1. */
  get fullness(): number {
    return Math.max(this.entries / this.limits.maxEntries, this.bytes / this.limits.maxBytes)
  }

  /** The entry, which counts as used. Whether it may be served is not decided here. */
  get(key: string): StoredEntry<T> | undefined {
    const entry = this.#lru.get(key)
    // Not written where it says so already: most hits are of what was hit before.
    if (entry !== undefined && !entry.used) entry.used = true
    return entry
  }

  /** The entry, without counting as use. */
  peek(key: string): StoredEntry<T> | undefined {
    return this.#lru.peek(key)
  }

  /** Holds the entry, evicting the least recently used ones. Its bytes must be within the limits. */
  set(key: string, entry: StoredEntry<T>): void {
    // Deleted first: quick-lru would keep the old one in its older generation and report it as evicted later.
    if (this.#lru.peek(key) !== undefined) this.delete(key)
    this.entries++
    this.bytes += entry.bytes
    this.#budget.entries++
    this.#budget.bytes += entry.bytes
    this.#lru.set(key, entry)
    const over = this.bytes - this.limits.maxBytes
    if (over > 0) this.evict(1, over, over + this.limits.maxBytes * SLACK, key)
    const { entries, bytes, limits } = this.#budget
    if (entries > limits.maxEntries || bytes > limits.maxBytes) this.#budget.enforce(this, key)
  }

  delete(key: string): boolean {
    const entry = this.#lru.peek(key)
    if (entry === undefined) return false
    this.#lru.delete(key)
    this.#forget(entry)
    return true
  }

  /** Drops every entry that the predicate names. */
  sweep(drops: (key: string, entry: StoredEntry<T>) => boolean): void {
    // A copy, because a listener may read when it gets a drop, and a read moves entries between generations.
    for (const [key, entry] of Array.from(this.#lru.entriesAscending())) {
      if (this.#lru.peek(key) === entry && drops(key, entry)) this.delete(key)
    }
  }

  clear(): void {
    this.#budget.entries -= this.entries
    this.#budget.bytes -= this.bytes
    this.entries = 0
    this.bytes = 0
    this.#lru.clear()
  }

  /**
   * Evicts entries that were not used lately: at least `count` of them and `bytes` worth, and up to `slackBytes`
   * worth as long as one remains.
   *
   * quick-lru does not move an entry within its younger generation, so its order alone would be that of insertion
   * where bytes are the tighter limit. An entry that was used is passed over once (the CLOCK
   * algorithm, decision 11).
   *
   * @param keep the key that was just set
   */
  evict(count: number, bytes: number, slackBytes: number, keep?: string): void {
    const leaving: string[] = []
    const spared: [key: string, bytes: number][] = []
    let freed = 0
    for (const [key, entry] of this.#lru.entriesAscending()) {
      const enough = leaving.length >= count && freed >= bytes
      if (enough && (freed >= slackBytes || leaving.length >= this.entries - 1)) break
      if (key === keep) continue
      if (entry.used) {
        entry.used = false
        spared.push([key, entry.bytes])
      } else {
        leaving.push(key)
        freed += entry.bytes
      }
    }
    for (const [key, size] of spared) {
      if (leaving.length >= count && freed >= bytes) break
      leaving.push(key)
      freed += size
    }
    for (const key of leaving) {
      this.delete(key)
      this.#onCapacity(key)
    }
  }

  #forget(entry: StoredEntry<T>): void {
    this.entries--
    this.bytes -= entry.bytes
    this.#budget.entries--
    this.#budget.bytes -= entry.bytes
  }
}
