/**
 * Calls whose result several callers share: a caller that comes before the call begins gets its result, and
 * one that comes later gets the result of the next call. So no caller gets a result older than its own
 * question.
 *
 * @module
 */
import { onAbort } from '../../../src/runtime/abort.ts'

/**
 * At most one call for each key is under way, and at most one waits for it: for any number of callers, the
 * cluster gets one question of a key at a time, and it gets it after each of these callers has asked.
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

/** A shared result, or the reason of the caller's signal when that aborts first. */
export function orAbort<T>(result: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return result
  return new Promise((resolve, reject) => {
    const off = onAbort(signal, reject)
    result.then(resolve, reject).finally(off)
  })
}
