/** Remembers things about keys, bounded in number and in time. @module */

export class TtlMap<T> {
  readonly #max: number
  readonly #forMs: number
  readonly #items = new Map<string, { readonly value: T; readonly until: number }>()

  constructor(max: number, forMs: number) {
    this.#max = max
    this.#forMs = forMs
  }

  get(id: string, now: number): T | undefined {
    const item = this.#items.get(id)
    if (item === undefined || now < item.until) return item?.value
    this.#items.delete(id)
    return undefined
  }

  set(id: string, value: T, now: number): void {
    // Deleted before it is set, so that the map is ordered by age and forgets the oldest first.
    this.#items.delete(id)
    this.#items.set(id, { value, until: now + this.#forMs })
    if (this.#items.size > this.#max) this.#items.delete(this.#items.keys().next().value!)
  }
}
