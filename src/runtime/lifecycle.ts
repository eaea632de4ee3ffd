/**
 * The lifecycle of a cache: open, then closed.
 *
 * Not an `AbortSignal`: on Workers a signal belongs to the request that made it, and the cache outlives them all.
 *
 * @module
 */
import { KedgeError } from '../ports/errors.ts'
import { startTimer } from '../ports/runtime.ts'
import type { Runtime } from '../ports/runtime.ts'
import { eitherSignal } from './abort.ts'
import { Bag } from './bag.ts'
import { lateTimer } from './late-timer.ts'
import type { Stop, Stopping } from './stop.ts'
import { Work } from './work.ts'

export class Lifecycle {
  #closed = false
  /** What closing ends: work without a deadline of its own, */
  readonly #during = new Set<Stop>()
  /** and work with one. */
  readonly #within = new Bag<Work>()
  /** Work that has begun in this turn of the event loop: its timer is set when the turn is over. */
  readonly #young = new Bag<Work>()
  #awaitsTurn = false
  readonly #runtime: Runtime
  readonly #canTellTurns: boolean

  constructor(runtime: Runtime) {
    this.#runtime = runtime
    this.#canTellTurns = !runtime.isolatesRequests && runtime.afterTurn !== undefined
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
    if (!this.#runtime.isolatesRequests) this.#during.add(stop)
    try {
      return await task(stop.signal)
    } finally {
      this.#during.delete(stop)
      stop.done()
    }
  }

  /** Runs the task, gives it up when its time is over, even if it ignores its signal, and ends it as {@link during} does. */
  within<T>(ms: number, expired: () => unknown, task: (stop: Stopping) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) => {
        this.end(work)
        reject(error)
      }
      const work = new Task(ms, expired, fail)
      this.begin(work)
      const succeed = (value: T) => {
        this.end(work)
        resolve(value)
      }
      task(work).then(succeed, fail)
    })
  }

  /**
   * Aborts the work after its time, and when the cache is closed, until {@link end} is called. What ends within the turn of the
   * event loop, or a few microtasks where the platform does not tell turns, costs no timer.
   *
   * @throws KedgeError `ERR_CLOSED`
   */
  begin(work: Work): void {
    this.check()
    if (this.#canTellTurns) {
      this.#young.add(work)
      if (this.#awaitsTurn) return
      this.#awaitsTurn = true
      this.#runtime.afterTurn!(this.#endTurn)
      return
    }
    if (!this.#runtime.isolatesRequests) this.#within.add(work)
    work.stopTimer = lateTimer(this.#runtime, work.ms, () => work.expire())
  }

  end(work: Work): void {
    work.stopTimer?.()
    this.#young.delete(work)
    this.#within.delete(work)
  }

  readonly #endTurn = (): void => {
    this.#awaitsTurn = false
    for (const work of this.#young.takeAll()) {
      this.#within.add(work)
      work.stopTimer = startTimer(this.#runtime, work.ms, () => work.expire())
    }
  }

  close(): void {
    this.#closed = true
    const closing = [...this.#during, ...this.#within.takeAll(), ...this.#young.takeAll()]
    this.#during.clear()
    for (const work of closing) work.abort(closedError())
  }
}

class Task extends Work {
  protected override readonly expired: () => unknown
  protected override readonly ended: (reason: unknown) => void

  constructor(ms: number, expired: () => unknown, ended: (reason: unknown) => void) {
    super(ms)
    this.expired = expired
    this.ended = ended
  }
}

const closedError = () => new KedgeError('ERR_CLOSED', 'the cache was closed')
