/** Calls that many share, and of which there are only so many a second. @module */
import type { Runtime } from '../../../src/ports/runtime.ts'

export interface Pace {
  /** Calls a second, over time. */
  readonly perSecond: number
  /** Calls that may begin without a pause after a quiet time. */
  readonly atOnce: number
}

/**
 * One call is under way, and at most one waits for it and for its turn: each caller that comes before that begins shares its result. So
 * no caller gets a result that is older than its question, and any number of callers cost no more than `perSecond` calls.
 */
export class PacedCalls<T> {
  readonly #work: () => Promise<T>
  readonly #runtime: Runtime
  readonly #pace: Pace
  readonly #closed: AbortSignal
  #next: Promise<T> | undefined
  #running: Promise<unknown> = Promise.resolve()
  /** Turns that are left, as of `#countedAt`. */
  #turns: number
  #countedAt: number

  /** @param closed ends the pauses */
  constructor(work: () => Promise<T>, pace: Pace, runtime: Runtime, closed: AbortSignal) {
    this.#work = work
    this.#runtime = runtime
    this.#pace = pace
    this.#closed = closed
    this.#turns = pace.atOnce
    this.#countedAt = runtime.monotonic()
  }

  /** The result of a call that begins after this one. */
  take(): Promise<T> {
    return (this.#next ??= this.#begin())
  }

  async #begin(): Promise<T> {
    try {
      await this.#running
      await this.#turn()
    } finally {
      this.#next = undefined
    }
    const call = this.#work()
    this.#running = call.catch(() => undefined)
    return call
  }

  async #turn(): Promise<void> {
    const { perSecond, atOnce } = this.#pace
    const now = this.#runtime.monotonic()
    const gained = (Math.max(0, now - this.#countedAt) * perSecond) / 1000
    this.#turns = Math.min(atOnce, this.#turns + gained) - 1
    this.#countedAt = now
    if (this.#turns < 0) await this.#runtime.sleep((-this.#turns * 1000) / perSecond, this.#closed)
  }
}
