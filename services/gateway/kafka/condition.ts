/** Waits for a time or for a change. @module */

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
        signal?.removeEventListener('abort', wake)
        this.#waiting.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, ms)
      signal?.addEventListener('abort', wake, { once: true })
      this.#waiting.add(wake)
    })
  }
}

/** Ends early, and without an error, when the signal is aborted. */
export const pause = (ms: number, signal?: AbortSignal): Promise<void> => new Condition().wait(ms, signal)
