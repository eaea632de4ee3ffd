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
import type { Member } from './bag.ts'
import { lateTimer } from './late-timer.ts'
import { Stop } from './stop.ts'
import type { Stopping } from './stop.ts'

/** How much work may begin before the end of the turn is asked for once more. */
const ASK_EVERY = 64

/** Work that its deadline ends, or closing the cache. */
export interface Work extends Member, Pick<Stop, 'abort'> {
  /** How long it may take. */
  readonly ms: number
  /** Stops its timer, once it has one. */
  stopTimer: (() => void) | undefined
  /** The reason for work whose time is over. */
  expired(): unknown
}

export class Lifecycle {
  #closed = false
  /** The work that closing ends, as it does that of {@link #young}. */
  readonly #working = new Set<Pick<Stop, 'abort'>>()
  /** Work that has begun in this turn of the event loop: its timer is set when the turn is over. */
  readonly #young = new Bag<Work>()
  /** How many have begun since the last turn that the platform has told of. */
  #begun = 0
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
    if (!this.#runtime.isolatesRequests) this.#working.add(stop)
    try {
      return await task(stop.signal)
    } finally {
      this.#working.delete(stop)
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
      const work: Stop & Work = Object.assign(new Stop(fail), { place: 0, ms, expired, stopTimer: undefined })
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
      // Asked for again now and then: a notice that the platform loses must not leave all later work without an end.
      if (this.#begun++ % ASK_EVERY === 0) this.#runtime.afterTurn!(this.#endTurn)
      return
    }
    if (!this.#runtime.isolatesRequests) this.#working.add(work)
    work.stopTimer = lateTimer(this.#runtime, work.ms, () => work.abort(work.expired()))
  }

  end(work: Work): void {
    if (work.stopTimer === undefined) return this.#young.delete(work)
    work.stopTimer()
    this.#working.delete(work)
  }

  readonly #endTurn = (): void => {
    this.#begun = 0
    const { members } = this.#young
    for (const work of members) {
      this.#working.add(work)
      work.stopTimer = startTimer(this.#runtime, work.ms, () => work.abort(work.expired()))
    }
    members.length = 0
  }

  close(): void {
    this.#closed = true
    const closing = [...this.#working, ...this.#young.members]
    for (const work of closing) work.abort(closedError())
  }
}

const closedError = () => new KedgeError('ERR_CLOSED', 'the cache was closed')
