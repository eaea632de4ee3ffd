/** How often something happens. @module */

/** What counts for a rate, in milliseconds. */
const WINDOW_MS = 2000

export class Meter {
  readonly #now: () => number
  #moments: number[] = []
  total = 0

  constructor(now: () => number) {
    this.#now = now
  }

  add(): void {
    this.total++
    this.#moments.push(this.#now())
  }

  /** A second, in the mean of the last two. */
  get rate(): number {
    const from = this.#now() - WINDOW_MS
    this.#moments = this.#moments.filter((moment) => moment > from)
    return (this.#moments.length * 1000) / WINDOW_MS
  }
}
