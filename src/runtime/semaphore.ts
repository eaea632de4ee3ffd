/**
 * Places for loads: how many may run at once.
 *
 * A place is a lease, because on Workers a request can vanish without giving back what it took.
 *
 * @module
 */
import type { Runtime } from '../ports/runtime.ts'
import { Bag } from './bag.ts'
import type { Member } from './bag.ts'
import type { Clock } from './clock.ts'

const FIRST_PAUSE_MS = 5
const MAX_PAUSE_MS = 50

interface Place extends Member {
  /** When it is free again, at the latest. */
  readonly until: number
}

export class Semaphore {
  readonly max: number
  readonly #runtime: Runtime
  readonly #clock: Clock
  readonly #taken = new Bag<Place>()

  constructor(max: number, runtime: Runtime, clock: Clock) {
    this.max = max
    this.#runtime = runtime
    this.#clock = clock
  }

  /**
   * Waits for a place, by a timer of its own, and resolves with what gives it back. Rejects with `signal.reason`.
   */
  async take(leaseMs: number, signal: AbortSignal): Promise<() => void> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2)) {
      const place = this.tryTake(leaseMs)
      if (place) return place
      await this.#runtime.sleep(pauseMs, signal)
    }
  }

  /** A place, if there is one now. */
  tryTake(leaseMs: number, now: number = this.#clock.now()): (() => void) | undefined {
    const { members } = this.#taken
    if (members.length >= this.max) this.#expire(now)
    if (members.length >= this.max) return undefined
    const place: Place = { until: now + leaseMs, place: 0 }
    this.#taken.add(place)
    return () => this.#taken.delete(place)
  }

  /** Frees the places whose leases are over. */
  #expire(now: number): void {
    const over = this.#taken.members.filter(({ until }) => until <= now)
    for (const place of over) this.#taken.delete(place)
  }
}
