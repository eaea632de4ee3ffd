/** How long to wait before a call is tried again. @module */
import { pause } from './condition.ts'

const FIRST_MS = 25
const LONGEST_MS = 1000

/** In milliseconds. */
interface Pauses {
  readonly firstMs: number
  readonly longestMs: number
}

/** Waits twice as long each time, with jitter: so not all callers reach a returning broker at once. */
export class Backoff {
  readonly #deadline: number
  readonly #longestMs: number
  #ms: number

  /** @param deadline on `performance.now()`'s clock; `Infinity` for none */
  constructor(deadline: number, { firstMs = FIRST_MS, longestMs = LONGEST_MS }: Partial<Pauses> = {}) {
    this.#deadline = deadline
    this.#longestMs = longestMs
    this.#ms = firstMs
  }

  /** Whether there is time for another try. */
  get over(): boolean {
    return performance.now() + FIRST_MS >= this.#deadline
  }

  /** Ends early, and without an error, when the signal is aborted. */
  async wait(signal?: AbortSignal): Promise<void> {
    const ms = this.#ms * (0.5 + Math.random() / 2)
    this.#ms = Math.min(this.#longestMs, this.#ms * 2)
    // The last wait leaves time for the last try.
    const left = this.#deadline - performance.now() - FIRST_MS
    await pause(Math.max(0, Math.min(ms, left)), signal)
  }
}
