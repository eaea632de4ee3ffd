/**
 * Work that its deadline ends, or closing the cache.
 *
 * @module
 */
import type { Member } from './bag.ts'
import { Stop } from './stop.ts'

export abstract class Work extends Stop implements Member {
  place = 0
  /** How long it may take. */
  readonly ms: number
  /** Stops its timer, once it has one. */
  stopTimer: (() => void) | undefined

  constructor(ms: number) {
    super()
    this.ms = ms
  }

  /** The reason for work whose time is over. */
  protected abstract expired(): unknown

  expire(): void {
    this.abort(this.expired())
  }
}
