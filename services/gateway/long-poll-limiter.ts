/** The polls that wait at the moment and the answers that are on their way, counted so that they stay bounded. @module */
import { Refusal } from './refusal.ts'

export class LongPollLimiter {
  readonly #max: number
  readonly #maxBytes: number
  #open = 0
  #bytes = 0

  constructor(max: number, maxBytes: number) {
    this.#max = max
    this.#maxBytes = maxBytes
  }

  /** Runs a poll. @throws Refusal `busy` when too many are open. */
  async run<T>(poll: () => Promise<T>): Promise<T> {
    if (this.#open >= this.#max)
      throw new Refusal('busy', 'As many polls wait as the gateway allows: try again later.', {
        retryAfter: 1,
      })
    this.#open++
    try {
      return await poll()
    } finally {
      this.#open--
    }
  }

  /**
   * Counts an answer until the returned function is called. An answer that is alone may have any size.
   * @throws Refusal `busy` when all answers together are too much.
   */
  hold(bytes: number): () => void {
    if (this.#bytes > 0 && this.#bytes + bytes > this.#maxBytes) {
      throw new Refusal('busy', 'The gateway is sending as many bytes as it may: try again later.', {
        retryAfter: 1,
      })
    }
    this.#bytes += bytes
    let held = bytes
    return () => {
      this.#bytes -= held
      held = 0
    }
  }
}
