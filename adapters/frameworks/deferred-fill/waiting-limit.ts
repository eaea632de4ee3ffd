/** How many values may be waited for at once, on all namespaces of a cache. @module */
import { placesOf, slotsOf } from './load-state.ts'

/** What is read beyond is not held. */
const MAX_WAITS = 100

/** What takes room. */
interface Waiting {
  /** Monotonic: when its reader is gone. */
  readonly until: number
}

const rooms = new WeakMap<object, WaitingLimit>()

export class WaitingLimit {
  /** How each is given up. */
  readonly #waits = new Map<Waiting, () => void>()

  /** That of the cache which the namespace is of. */
  static of(space: object): WaitingLimit {
    const owner = slotsOf(space)
    const room = rooms.get(owner) ?? new WaitingLimit()
    rooms.set(owner, room)
    return room
  }

  take(wait: Waiting, giveUp: () => void): void {
    this.#waits.set(wait, giveUp)
  }

  leave(wait: Waiting): void {
    this.#waits.delete(wait)
  }

  /**
   * Waits take places for loads, and one whose framework has failed for as long as it is waited for: so never more than
   * half of them, or a source that is down would keep everybody else's loads, and these reads themselves, waiting.
   */
  isFull(space: object): boolean {
    return this.#waits.size >= Math.min(MAX_WAITS, Math.ceil(placesOf(space) / 2))
  }

  /** Gives up those whose readers are gone. */
  clear(now: number): void {
    for (const [wait, giveUp] of this.#waits) if (now > wait.until) giveUp()
  }
}
