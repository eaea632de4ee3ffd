/**
 * The clock of a tail, which its samples are stamped with.
 *
 * Two readings of it are only compared within one `life`, in which it has not gone back and has not stood still. It is the
 * monotonic clock: a wall clock that is set forward would make a sample look younger than it is. A new life begins where that
 * clock goes back (in workerd it is the wall clock), or where it and the wall clock come apart by more than {@link APART_MS}
 * (one of them was set, or the machine slept). The tail then hands out none of its samples any more; nor after a pause
 * without a reading, in which a step back by less may hide.
 *
 * @module
 */
import type { AgeClock } from './link-echoes.ts'
import type { Runtime } from '../../../src/ports/runtime.ts'
import { randomId } from '../../../src/runtime/random-id.ts'

/** How far the two clocks may come apart before a new life begins: for how long a sleep may go unnoticed. */
export const APART_MS = 20
/** Readings of the two clocks that lie further apart in time compare nothing: the process was interrupted between them. */
const TOGETHER_MS = 5
const TRIES = 4
/** The wall clock counts whole milliseconds. */
const GRAIN_MS = 1
/** Where both clocks are one, a step back by less than has passed since the last reading cannot be seen. */
const UNSEEN_MS = 500

export class LifeClock {
  /** Names the life: another one for each process, and after each step of a clock. */
  life: string
  /** The same clock, for ages of samples that others have taken. Another one after each doubt: earlier echoes count no more. */
  aging: AgeClock
  readonly #runtime: Runtime
  readonly #onDoubt: () => void
  #last: number
  /** The wall clock minus the monotonic one, when the life began. */
  #apart: number

  /** @param onDoubt called when the samples so far must not be handed out any more */
  constructor(runtime: Runtime, onDoubt: () => void) {
    this.#runtime = runtime
    this.#onDoubt = onDoubt
    this.life = randomId(runtime)
    this.aging = this.#agingClock()
    this.#last = runtime.monotonic()
    this.#apart = runtime.now() - this.#last
  }

  /** Milliseconds of this life's clock. */
  now(): number {
    let together = false
    let now = 0
    let apart = 0
    for (let tries = 0; tries < TRIES && !together; tries++) {
      now = this.#runtime.monotonic()
      apart = this.#runtime.now() - now
      together = this.#runtime.monotonic() - now <= TOGETHER_MS
    }
    const isApart = together && Math.abs(apart - this.#apart) > APART_MS + GRAIN_MS
    // Written so that a clock that is no number begins a new life as well.
    if (!(now >= this.#last) || isApart) {
      this.life = randomId(this.#runtime)
      this.#apart = apart
      this.#doubt()
    } else if (now - this.#last > UNSEEN_MS) this.#doubt()
    this.#last = now
    return now
  }

  #doubt(): void {
    this.aging = this.#agingClock()
    this.#onDoubt()
  }

  #agingClock(): AgeClock {
    return { now: () => this.now(), unknownBefore: -Infinity }
  }
}
