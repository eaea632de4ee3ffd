/**
 * The requests that wait at one loop: thousands, so each is the one object that its caller brings, and they share one timer.
 *
 * @module
 */
import { startTimer } from '../../../src/ports/runtime.ts'
import type { Runtime } from '../../../src/ports/runtime.ts'

/** How a wait ended: there may be records, or its time is over. */
export type Ended = 'told' | 'over'

/** One that waits. Each of its functions is called at the end of its wait alone, and must not throw. */
export interface Waiter {
  readonly offset: number
  /** On the runtime's monotonic clock. */
  readonly deadline: number
  /** Ends the wait as if its time were over. */
  readonly stopping?: AbortSignal | undefined
  settle(how: Ended): void
  refuse(error: unknown): void
}

/** The timer checks deadlines no more often than this, in milliseconds: a wait may end so much late. */
const GRID_MS = 10
/** Waits that end in one turn of the event loop, at most. */
const AT_ONCE = 128

export class Waiters {
  readonly #runtime: Runtime
  readonly #onLeave: () => void
  readonly #all = new Set<Waiter>()
  /** Those of all whose wait is about to end. */
  readonly #due = new Set<Waiter>()
  #isTelling = false
  /** The timer that runs, and when it will ring. */
  #timer: { readonly at: number; readonly stop: () => void } | undefined

  constructor(runtime: Runtime, onLeave: () => void) {
    this.#runtime = runtime
    this.#onLeave = onLeave
  }

  get size(): number {
    return this.#all.size
  }

  add(waiter: Waiter): void {
    this.#all.add(waiter)
    this.#ringBy(waiter.deadline)
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
    for (const waiter of this.#all) {
      this.leave(waiter)
      waiter.refuse(error)
    }
  }

  /** Ends those waits as if their time were over. */
  end(which: (waiter: Waiter) => boolean): void {
    for (const waiter of this.#all) if (which(waiter)) this.#settle(waiter, 'over')
  }

  /** The waiter waits no more, and is not told so. */
  leave(waiter: Waiter): void {
    if (!this.#all.delete(waiter)) return
    this.#due.delete(waiter)
    this.#onLeave()
    if (this.#all.size === 0) this.#unset()
  }

  #settle(waiter: Waiter, how: Ended): void {
    this.leave(waiter)
    waiter.settle(how)
  }

  /**
   * So many in one turn of the event loop: what thousands of answers need at once would all be in memory together, and
   * would outlive the collections of young objects.
   */
  #tellSome(): void {
    let left = AT_ONCE
    for (const waiter of this.#due) {
      this.#settle(waiter, 'told')
      if (--left === 0) break
    }
    this.#isTelling = this.#due.size > 0
    if (this.#isTelling) setImmediate(() => this.#tellSome())
  }

  /** Sets the timer, unless it rings before. */
  #ringBy(at: number): void {
    if (at >= (this.#timer?.at ?? Infinity)) return
    this.#unset()
    const ms = Math.max(0, at - this.#runtime.monotonic())
    const timer = { at, stop: startTimer(this.#runtime, ms, () => this.#ring(timer)) }
    this.#timer = timer
  }

  #unset(): void {
    this.#timer?.stop()
    this.#timer = undefined
  }

  #ring(timer: object): void {
    if (this.#timer !== timer) return
    this.#timer = undefined
    const now = this.#runtime.monotonic()
    let next = Infinity
    for (const waiter of this.#all) {
      if (waiter.deadline <= now) this.#settle(waiter, 'over')
      else next = Math.min(next, waiter.deadline)
    }
    this.#ringBy(Math.max(next, now + GRID_MS))
  }
}
