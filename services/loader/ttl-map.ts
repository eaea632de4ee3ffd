/** Remembers things about keys, bounded in number and in time. @module */
import QuickLRU from 'quick-lru'

export class TtlMap<T> {
  readonly #forMs: number
  readonly #items: QuickLRU<string, { readonly value: T; readonly until: number }>

  /** @param max how many keys are remembered at least; at most twice as many */
  constructor(max: number, forMs: number) {
    this.#items = new QuickLRU({ maxSize: max })
    this.#forMs = forMs
  }

  get(id: string, now: number): T | undefined {
    const item = this.#items.get(id)
    if (item === undefined || now < item.until) return item?.value
    this.#items.delete(id)
    return undefined
  }

  set(id: string, value: T, now: number): void {
    this.#items.set(id, { value, until: now + this.#forMs })
  }
}
