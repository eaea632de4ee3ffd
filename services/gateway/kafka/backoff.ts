/** How long to wait before a call is tried again. @module */
import { backoffMs } from '../../../src/runtime/retry.ts'
import type { Backoff as Pauses } from '../../../src/runtime/retry.ts'
import { pause } from './condition.ts'

const FIRST_MS = 25
const PAUSES: Pauses = { firstMs: FIRST_MS, maxMs: 1000 }

/** Waits twice as long each time, with jitter: so not all callers reach a returning broker at once. */
export class Backoff {
  readonly #deadline: number
  readonly #pauses: Pauses
  #waits = 0

  /** @param deadline on `performance.now()`'s clock; `Infinity` for none */
  constructor(deadline: number, pauses: Pauses = PAUSES) {
    this.#deadline = deadline
    this.#pauses = pauses
  }

  /** Whether there is time for another try. */
  get over(): boolean {
    return performance.now() + FIRST_MS >= this.#deadline
  }

  /** Ends early, and without an error, when the signal is aborted. */
  async wait(signal?: AbortSignal): Promise<void> {
    const ms = backoffMs(this.#pauses, this.#waits++, Math.random())
    // The last wait leaves time for the last try.
    const left = this.#deadline - performance.now() - FIRST_MS
    await pause(Math.max(0, Math.min(ms, left)), signal)
  }
}
