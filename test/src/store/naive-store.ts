/**
 * S3-FIFO written plainly: arrays that are searched, moved and summed up anew each time. Of the product it uses the ghost
 * alone, whose own test has a plain one.
 */
import { Ghost, hashOf } from '../../../src/store/ghost.ts'
import type { StoreLimits } from '../../../src/store/budget.ts'

type By = 'entries' | 'bytes'

/** A key in a queue. What was deleted keeps its place for a while. */
interface Item {
  readonly key: string
  nth: number
  bytes: number
  uses: number
  isGone: boolean
}

export class NaiveStore {
  readonly limits: StoreLimits
  readonly evicted: string[] = []
  readonly #budget: NaiveBudget
  readonly #ghost = new Ghost()
  #small: Item[] = []
  #main: Item[] = []

  constructor(limits: StoreLimits, budget: NaiveBudget) {
    this.limits = limits
    this.#budget = budget
    budget.stores.push(this)
  }

  /** What is held, by key. */
  get held(): Map<string, Item> {
    const live = [...this.#small, ...this.#main].filter(({ isGone }) => !isGone)
    return new Map(live.map((item) => [item.key, item]))
  }

  get entries(): number {
    return this.held.size
  }

  get bytes(): number {
    return bytesOf([...this.held.values()])
  }

  get(key: string): Item | undefined {
    const item = this.held.get(key)
    if (item) item.uses = Math.min(3, item.uses + 1)
    return item
  }

  set(key: string, nth: number, bytes: number): void {
    const old = this.held.get(key)
    if (old) old.isGone = true
    while (this.entries + 1 > this.limits.maxEntries) this.evict('entries')
    while (this.bytes + bytes > this.limits.maxBytes) this.evict('bytes')
    this.#budget.makeRoom(bytes, this)
    const place = [...this.#small, ...this.#main].find((item) => item.key === key)
    if (place) {
      Object.assign(place, { nth, bytes, isGone: false, uses: old?.uses ?? 0 })
      return
    }
    const queue = this.#ghost.take(hashOf(key), 2 * (this.entries + 1)) ? this.#main : this.#small
    queue.push({ key, nth, bytes, uses: old?.uses ?? 0, isGone: false })
  }

  delete(key: string): boolean {
    const item = this.held.get(key)
    if (item === undefined) return false
    item.isGone = true
    const gone = [...this.#small, ...this.#main].filter(({ isGone }) => isGone).length
    if (gone > 16 + this.entries / 2) {
      this.#small = this.#small.filter(({ isGone }) => !isGone)
      this.#main = this.#main.filter(({ isGone }) => !isGone)
    }
    return true
  }

  evict(by: By): void {
    for (let spared = 0; ;) {
      const isSmall = this.#isSmallFull(by)
      const item = (isSmall ? this.#small : this.#main).shift()!
      if (item.isGone) continue
      if (item.uses > 0 && spared < 64) {
        spared++
        item.uses = isSmall ? 0 : item.uses - 1
        this.#main.push(item)
        continue
      }
      if (isSmall) this.#ghost.add(hashOf(item.key), 2 * (this.entries + 1))
      this.evicted.push(item.key)
      return
    }
  }

  #isSmallFull(by: By): boolean {
    const small = this.#small.filter(({ isGone }) => !isGone)
    const main = this.#main.filter(({ isGone }) => !isGone)
    if (small.length === 0 || main.length === 0) return small.length > 0
    return by === 'entries'
      ? small.length >= this.entries * 0.1
      : bytesOf(small) >= (bytesOf(small) + bytesOf(main)) * 0.1
  }
}

export class NaiveBudget {
  readonly limits: StoreLimits
  readonly stores: NaiveStore[] = []

  constructor(limits: StoreLimits) {
    this.limits = limits
  }

  makeRoom(bytes: number, taker: NaiveStore): void {
    const held = (by: By) => this.stores.reduce((total, store) => total + store[by], 0)
    while (held('entries') + 1 > this.limits.maxEntries) this.#fullest(bytes, taker).evict('entries')
    while (held('bytes') + bytes > this.limits.maxBytes) this.#fullest(bytes, taker).evict('bytes')
  }

  #fullest(bytes: number, taker: NaiveStore): NaiveStore {
    const fullness = (store: NaiveStore) =>
      Math.max(
        (store.entries + (store === taker ? 1 : 0)) / store.limits.maxEntries,
        (store.bytes + (store === taker ? bytes : 0)) / store.limits.maxBytes,
      )
    const some = this.stores.filter(({ entries }) => entries > 0)
    return some.reduce((most, store) => (fullness(store) > fullness(most) ? store : most))
  }
}

const bytesOf = (items: readonly Item[]): number => items.reduce((total, { bytes }) => total + bytes, 0)
