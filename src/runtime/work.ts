/**
 * Work that its deadline ends, or closing the cache.
 *
 * @module
 */
import type { Member } from './bag.ts'
import { Stop } from './stop.ts'

export class Work extends Stop implements Member {
  place = 0
  /** How long it may take. */
  readonly ms: number
  /** Stops its timer, once it has one. */
  stopTimer: (() => void) | undefined
  readonly #expired: () => unknown

  /**
   * @param expired makes the reason for work whose time is over
   * @param onEnd called once with the reason, before those who listen to the signal
   */
  constructor(ms: number, expired: () => unknown, onEnd: (reason: unknown) => void) {
    super(onEnd)
    this.ms = ms
    this.#expired = expired
  }

  expire(): void {
    this.abort(this.#expired())
  }
}
