/**
 * The lifecycle of a cache: open, then closed.
 *
 * Not an `AbortSignal`: on Workers a signal belongs to the request that made it, and the cache outlives them all.
 *
 * @module
 */
import { KedgeError } from '../ports/errors.ts'
import type { Runtime } from '../ports/runtime.ts'

export class Lifecycle {
  #closed = false
  readonly #ends = new Set<() => void>()
  readonly #isolatesRequests: boolean

  constructor(runtime: Runtime) {
    this.#isolatesRequests = runtime.isolatesRequests
  }

  get closed(): boolean {
    return this.#closed
  }

  /** @throws KedgeError `ERR_CLOSED` */
  check(): void {
    if (this.#closed) throw closedError()
  }

  /**
   * Runs the task with a signal that is aborted when the cache is closed, or by `parent`. Where requests are
   * isolated closing ends no work of other requests: that must not be touched.
   */
  async during<T>(task: (signal: AbortSignal) => Promise<T>, parent?: AbortSignal): Promise<T> {
    this.check()
    const stop = new AbortController()
    const end = () => stop.abort(closedError())
    if (!this.#isolatesRequests) this.#ends.add(end)
    const relay = () => stop.abort(parent?.reason)
    if (parent?.aborted) relay()
    parent?.addEventListener('abort', relay, { once: true })
    try {
      return await task(stop.signal)
    } finally {
      this.#ends.delete(end)
      parent?.removeEventListener('abort', relay)
    }
  }

  close(): void {
    this.#closed = true
    for (const end of this.#ends) end()
    this.#ends.clear()
  }
}

const closedError = () => new KedgeError('ERR_CLOSED', 'the cache was closed')
