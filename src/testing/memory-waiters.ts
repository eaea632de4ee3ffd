/** Long polls that wait for news of a topic. @module */
import { onAbort } from '../runtime/abort.ts'

interface Waiter {
  readonly ready: () => boolean
  readonly wake: () => void
}

export class MemoryWaiters {
  readonly #waiters = new Map<string, Set<Waiter>>()

  /** How many wait. */
  get count(): number {
    let count = 0
    for (const waiters of this.#waiters.values()) count += waiters.size
    return count
  }

  /** Resolves once `ready` holds when the topic is woken, or at once. Rejects with `signal.reason`. */
  wait(topic: string, ready: () => boolean, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (ready()) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const waiters = this.#waiters.get(topic) ?? new Set()
      this.#waiters.set(topic, waiters)
      const leave = () => {
        waiters.delete(waiter)
        if (waiters.size === 0 && this.#waiters.get(topic) === waiters) this.#waiters.delete(topic)
        off()
      }
      const waiter = {
        ready,
        wake: () => {
          leave()
          resolve()
        },
      }
      waiters.add(waiter)
      const off = onAbort(signal, (reason) => {
        leave()
        reject(reason)
      })
    })
  }

  wake(topic: string): void {
    for (const waiter of this.#waiters.get(topic) ?? []) if (waiter.ready()) waiter.wake()
  }
}
