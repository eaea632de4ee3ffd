/** What happens in a world, counted by the second, and of the measured time what is judged. @module */

export class Counts {
  readonly #now: () => number
  readonly #from: number
  readonly #perSecond = new Map<number, number>()
  total = 0

  /** @param from the millisecond in which the measured time begins */
  constructor(now: () => number, from: number) {
    this.#now = now
    this.#from = from
  }

  add = (): void => {
    if (this.#now() < this.#from) return
    this.total++
    const second = Math.floor((this.#now() - this.#from) / 1000)
    this.#perSecond.set(second, (this.#perSecond.get(second) ?? 0) + 1)
  }

  /** Of the busiest second. */
  get peak(): number {
    return Math.max(0, ...this.#perSecond.values())
  }
}

/** Durations in whole milliseconds, of which quantiles are asked: as many as there are do not have to be kept. */
export class Durations {
  readonly #counts: number[] = []
  #total = 0

  add(ms: number): void {
    const at = Math.max(0, Math.round(ms))
    this.#counts[at] = (this.#counts[at] ?? 0) + 1
    this.#total++
  }

  /** The least duration that this part of all do not exceed; `NaN` where there are none. */
  quantile(part: number): number {
    let left = Math.max(1, Math.ceil(this.#total * part))
    for (const [ms, count = 0] of this.#counts.entries()) if ((left -= count) <= 0) return ms
    return Number.NaN
  }
}
