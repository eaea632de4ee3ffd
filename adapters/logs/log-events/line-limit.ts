/** How many lines a second may have, and how many were left out. @module */

const SECOND_MS = 1000
/** Types that are counted by themselves: those that are known are fewer. */
const MAX_TYPES = 100

export interface LeftOut {
  readonly count: number
  /** By the type of the event. */
  readonly events: Readonly<Record<string, number>>
}

export class LineLimit {
  readonly #most: number
  readonly #monotonic: () => number
  #beganAt = -Infinity
  #lines = 0
  #quiet = 0
  #leftOut = new Map<string, number>()
  /** Whether the last call of {@link takes} was the first in its second. */
  isNewSecond = false

  constructor(most: number, monotonic: () => number) {
    this.#most = most
    this.#monotonic = monotonic
  }

  /** @param isQuiet whether it may have only half of the lines. Where it does not fit it is counted. */
  takes(type: string, isQuiet: boolean): boolean {
    const now = this.#monotonic()
    // A clock that has stepped back begins a second too.
    this.isNewSecond = now - this.#beganAt >= SECOND_MS || now < this.#beganAt
    if (this.isNewSecond) {
      this.#beganAt = now
      this.#lines = 0
      this.#quiet = 0
    }
    const fits = this.#lines < this.#most && (!isQuiet || this.#quiet < Math.ceil(this.#most / 2))
    if (fits) {
      this.#lines++
      if (isQuiet) this.#quiet++
      return true
    }
    const name = this.#leftOut.has(type) || this.#leftOut.size < MAX_TYPES ? type : 'other'
    this.#leftOut.set(name, (this.#leftOut.get(name) ?? 0) + 1)
    return false
  }

  /** What was left out since the last call; `undefined`: nothing. */
  takeLeftOut(): LeftOut | undefined {
    if (this.#leftOut.size === 0) return undefined
    const events = Object.fromEntries(this.#leftOut)
    this.#leftOut = new Map()
    return { count: Object.values(events).reduce((sum, n) => sum + n, 0), events }
  }
}
