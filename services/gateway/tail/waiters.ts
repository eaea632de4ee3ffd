/**
 * The requests that wait at one loop: thousands, so each is one small object, and they share one timer.
 *
 * @module
 */
import type { Runtime } from '../../../src/ports/runtime.ts'

/** How a wait ended: there may be records, its time is over, or its request is gone. */
export type Ended = 'told' | 'over' | 'gone'

export interface Waiting {
  readonly ended: Promise<Ended>
  /** Ends it now. */
  readonly end: () => void
  /** Ends it since its request is gone. */
  readonly leave: () => void
}

/** The timer checks deadlines no more often than this, in milliseconds: a wait may end so much late. */
const GRID_MS = 10
/** Waits that end in one turn of the event loop, at most. */
const AT_ONCE = 128
const NO_TIMER = 'no request needs this timer'

export const TOLD: Waiting = { ended: Promise.resolve('told'), end: () => {}, leave: () => {} }

class Waiter implements Waiting {
  readonly offset: number
  readonly deadline: number
  readonly ended: Promise<Ended>
  readonly #onEnd: (waiter: Waiter) => void
  #resolve!: (how: Ended) => void
  #reject!: (error: unknown) => void

  constructor(offset: number, deadline: number, onEnd: (waiter: Waiter) => void) {
    this.offset = offset
    this.deadline = deadline
    this.#onEnd = onEnd
    this.ended = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  settle(how: Ended): void {
    this.#onEnd(this)
    this.#resolve(how)
  }

  refuse(error: unknown): void {
    this.#onEnd(this)
    this.#reject(error)
  }

  readonly end = (): void => this.settle('over')
  readonly leave = (): void => this.settle('gone')
}

export class Waiters {
  readonly #runtime: Runtime
  readonly #onLeave: () => void
  readonly #all = new Set<Waiter>()
  /** Those of all whose wait is about to end. */
  readonly #due = new Set<Waiter>()
  #isTelling = false
  /** The timer that runs, and when it will ring. */
  #timer: { readonly at: number; readonly stop: AbortController } | undefined

  constructor(runtime: Runtime, onLeave: () => void) {
    this.#runtime = runtime
    this.#onLeave = onLeave
  }

  get size(): number {
    return this.#all.size
  }

  add(offset: number, deadline: number): Waiting {
    const waiter = new Waiter(offset, deadline, this.#leave)
    this.#all.add(waiter)
    if (deadline < (this.#timer?.at ?? Infinity)) this.#set(deadline)
    return waiter
  }

  /** Ends the waits at those offsets for which `isTime` is true. */
  tell(isTime: (offset: number) => boolean): void {
    for (const waiter of this.#all) if (isTime(waiter.offset)) this.#due.add(waiter)
    if (!this.#isTelling) this.#tellSome()
  }

  tellAll(): void {
    this.tell(() => true)
  }

  refuseAll(error: unknown): void {
    for (const waiter of this.#all) waiter.refuse(error)
  }

  /**
   * So many in one turn of the event loop: what thousands of answers need at once would all be in memory together, and
   * would outlive the collections of young objects.
   */
  #tellSome(): void {
    let left = AT_ONCE
    for (const waiter of this.#due) {
      waiter.settle('told')
      if (--left === 0) break
    }
    this.#isTelling = this.#due.size > 0
    if (this.#isTelling) setImmediate(() => this.#tellSome())
  }

  readonly #leave = (waiter: Waiter): void => {
    // A request is closed after its wait has ended as well.
    if (!this.#all.delete(waiter)) return
    this.#due.delete(waiter)
    this.#onLeave()
    if (this.#all.size === 0) this.#unset()
  }

  #set(at: number): void {
    this.#unset()
    const timer = { at, stop: new AbortController() }
    this.#timer = timer
    const ms = Math.max(0, at - this.#runtime.monotonic())
    this.#runtime.sleep(ms, timer.stop.signal).then(
      () => this.#ring(timer),
      () => {},
    )
  }

  #unset(): void {
    // With a reason: without one `abort` makes an error with a stack.
    this.#timer?.stop.abort(NO_TIMER)
    this.#timer = undefined
  }

  #ring(timer: object): void {
    if (this.#timer !== timer) return
    this.#timer = undefined
    const now = this.#runtime.monotonic()
    let next = Infinity
    for (const waiter of this.#all) {
      if (waiter.deadline <= now) waiter.settle('over')
      else next = Math.min(next, waiter.deadline)
    }
    if (next < Infinity) this.#set(Math.max(next, now + GRID_MS))
  }
}
