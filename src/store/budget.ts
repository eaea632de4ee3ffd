/**
 * What all stores of a cache may hold together.
 *
 * @module
 */
export interface StoreLimits {
  readonly maxEntries: number
  readonly maxBytes: number
}

/** A store that has a share of the budget. */
interface Sharer {
  readonly entries: number
  /** The part of its own limits in use, with so many more. */
  fullness(entries: number, bytes: number): number
  /** Evicts one entry. */
  evict(by: 'entries' | 'bytes'): void
}

export class Budget {
  entries = 0
  bytes = 0
  readonly limits: StoreLimits
  readonly #stores: Sharer[] = []

  constructor(limits: StoreLimits) {
    this.limits = limits
  }

  add(store: Sharer): void {
    this.#stores.push(store)
  }

  /** A store that is given up: it must be empty. */
  remove(store: Sharer): void {
    const at = this.#stores.indexOf(store)
    if (at !== -1) this.#stores.splice(at, 1)
  }

  /** Whether one more entry, of that many bytes, is too much. */
  isFullFor(bytes: number): boolean {
    return this.entries >= this.limits.maxEntries || this.bytes + bytes > this.limits.maxBytes
  }

  /** Makes room for an entry of that many bytes, which `taker` is going to hold. */
  makeRoom(bytes: number, taker: Sharer): void {
    const { maxEntries, maxBytes } = this.limits
    while (this.entries >= maxEntries) {
      if (!this.#evict(bytes, taker, 'entries')) return
    }
    while (this.bytes + bytes > maxBytes) {
      if (!this.#evict(bytes, taker, 'bytes')) return
    }
  }

  /**
   * Evicts from the store that uses most of its own share: a flood in one leaves the others alone. That of the entry to
   * come counts with it.
   */
  #evict(bytes: number, taker: Sharer, by: 'entries' | 'bytes'): boolean {
    let fullest: Sharer | undefined
    let most = -1
    for (const store of this.#stores) {
      if (store.entries === 0) continue
      const fullness = store === taker ? store.fullness(1, bytes) : store.fullness(0, 0)
      if (fullness > most) {
        most = fullness
        fullest = store
      }
    }
    fullest?.evict(by)
    return fullest !== undefined
  }
}
