/** How long to wait before a call is tried again. @module */
import { setTimeout as sleep } from 'node:timers/promises'

const FIRST_MS = 25
const LONGEST_MS = 1000

/** Twice as long each time, and not all callers at once: a broker that comes back is not run over. */
export class Backoff {
  readonly #deadline: number
  #ms = FIRST_MS

  /** @param deadline on `performance.now()`'s clock. */
  constructor(deadline: number) {
    this.#deadline = deadline
  }

  /** Whether there is time for another try. */
  get over(): boolean {
    return performance.now() + FIRST_MS >= this.#deadline
  }

  async wait(): Promise<void> {
    const ms = this.#ms * (0.5 + Math.random() / 2)
    this.#ms = Math.min(LONGEST_MS, this.#ms * 2)
    // The last wait leaves time for the last try.
    const left = this.#deadline - performance.now() - FIRST_MS
    await sleep(Math.max(0, Math.min(ms, left)))
  }
}
