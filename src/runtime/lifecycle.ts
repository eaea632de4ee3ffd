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
import type { EitherSignal } from './abort.ts'
import { untilDeadline } from './deadline.ts'

export class Lifecycle {
  #closed = false
  /** The work that closing ends. */
  readonly #working = new Set<Pick<EitherSignal, 'abort'>>()
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

  /** Runs the task as {@link during} does, and gives it up after `ms`, even if it ignores its signal. */
  async within<T>(ms: number, expired: () => unknown, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.check()
    const work = eitherSignal()
    if (!this.#runtime.isolatesRequests) this.#working.add(work)
    try {
      return await untilDeadline(this.#runtime, ms, expired, task, work)
    } finally {
      this.#working.delete(work)
    }
  }

  close(): void {
    this.#closed = true
    for (const work of this.#working) work.abort(closedError())
    this.#working.clear()
  }
}

const closedError = () => new KedgeError('ERR_CLOSED', 'the cache was closed')
