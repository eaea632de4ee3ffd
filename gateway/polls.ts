/** The polls that wait at the moment, counted so that they stay bounded. @module */
import { Refusal } from './refusal.ts'

export class Polls {
  readonly #max: number
  #open = 0

  constructor(max: number) {
    this.#max = max
  }

  /** Runs a poll. @throws Refusal `busy` when too many are open. */
  async run<T>(poll: () => Promise<T>): Promise<T> {
    if (this.#open >= this.#max) throw new Refusal('busy', 'Too many polls are waiting.', { retryAfter: 1 })
    this.#open++
    try {
      return await poll()
    } finally {
      this.#open--
    }
  }
}
