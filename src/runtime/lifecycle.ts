/**
 * The lifecycle of a cache: open, then closed.
 *
 * Not an `AbortSignal`: on Workers a signal belongs to the request that made it, and the cache outlives them all.
 *
 * @module
 */
import { KedgeError } from '../ports/errors.ts'
import type { Runtime } from '../ports/runtime.ts'
import { eitherSignal } from './abort.ts'
import { lateTimer } from './late-timer.ts'
import { Stop } from './stop.ts'
import type { Stopping } from './stop.ts'

export class Lifecycle {
  #closed = false
  /** The work that closing ends. */
  readonly #working = new Set<Stop>()
  readonly #runtime: Runtime

  constructor(runtime: Runtime) {
    this.#runtime = runtime
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
    const stop = eitherSignal(parent)
    if (!this.#runtime.isolatesRequests) this.#working.add(stop)
    try {
      return await task(stop.signal)
    } finally {
      this.#working.delete(stop)
      stop.done()
    }
  }

  /**
   * Runs the task, gives it up after `ms`, even if it ignores its signal, and ends it as {@link during} does.
   *
   * @param expired makes the error for a task whose time is over
   */
  within<T>(ms: number, expired: () => unknown, task: (stop: Stopping) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.check()
      const end = () => {
        stopTimer()
        this.#working.delete(stop)
      }
      const fail = (error: unknown) => {
        end()
        reject(error)
      }
      const stop = new Stop(fail)
      const stopTimer = lateTimer(this.#runtime, ms, () => stop.abort(expired()))
      if (!this.#runtime.isolatesRequests) this.#working.add(stop)
      const succeed = (value: T) => {
        end()
        resolve(value)
      }
      task(stop).then(succeed, fail)
    })
  }

  close(): void {
    this.#closed = true
    for (const work of this.#working) work.abort(closedError())
    this.#working.clear()
  }
}

const closedError = () => new KedgeError('ERR_CLOSED', 'the cache was closed')
