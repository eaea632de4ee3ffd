/** Waits for a time or for a change. @module */
import { onAbort } from '../../../src/runtime/abort.ts'

/** Wakes all who wait when something has changed. */
export class Condition {
  readonly #waiting = new Set<() => void>()

  tell(): void {
    for (const wake of this.#waiting) wake()
  }

  /** Ends with the next news, after the time, or when the signal is aborted, without an error. */
  async wait(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        off()
        this.#waiting.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, ms)
      const off = onAbort(signal, wake)
      this.#waiting.add(wake)
    })
  }
}

/** Ends early, and without an error, when the signal is aborted. */
export const pause = (ms: number, signal?: AbortSignal): Promise<void> => new Condition().wait(ms, signal)
