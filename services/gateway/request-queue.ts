/** Runs requests one after the other, and bounds how many wait. @module */
import { Refusal } from './refusal.ts'

/** Requests that may wait for one instance. */
const MAX_QUEUE = 16

export class RequestQueue {
  #last: Promise<void> = Promise.resolve()
  #count = 0

  get busy(): boolean {
    return this.#count > 0
  }

  /** @throws Refusal `busy` when too many wait. */
  async take<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#count >= MAX_QUEUE)
      throw new Refusal('busy', 'Too many requests wait for this instance: send one at a time.', {
        retryAfter: 1,
      })
    this.#count++
    const before = this.#last
    let done!: () => void
    this.#last = new Promise((resolve) => (done = resolve))
    try {
      await before
      signal.throwIfAborted()
      return await work()
    } finally {
      this.#count--
      done()
    }
  }
}
