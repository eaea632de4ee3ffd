/**
 * Calls that are shared without growing old: whoever comes before a call begins has its result, whoever comes later
 * has the next one's.
 *
 * @module
 */

/**
 * At most one call for each key is under way, and at most one waits for it: however many ask, the cluster has one
 * question of a kind at a time, and every answer was sought after its question.
 */
export class SharedCalls<T> {
  readonly #running = new Map<string, Promise<T>>()
  readonly #waiting = new Map<string, Promise<T>>()

  /** The result of a call of `work` that begins after this one. Calls of one key must mean the same work. */
  take(key: string, work: () => Promise<T>): Promise<T> {
    const waiting = this.#waiting.get(key)
    if (waiting) return waiting
    const begin = (): Promise<T> => {
      this.#waiting.delete(key)
      this.#running.set(key, call)
      return work()
    }
    const before: Promise<unknown> = this.#running.get(key) ?? Promise.resolve()
    const call: Promise<T> = before.then(begin, begin).finally(() => {
      if (this.#running.get(key) === call) this.#running.delete(key)
    })
    this.#waiting.set(key, call)
    return call
  }
}

/** A result that others share, until the one who asks goes away. */
export function orAbort<T>(result: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return result
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    result.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
