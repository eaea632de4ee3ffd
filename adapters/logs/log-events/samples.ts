/** Which events of a type have a line, by counting: the same ones in each run, and without randomness. @module */

export class Samples {
  readonly #shares: ReadonlyMap<string, number>
  readonly #seen = new Map<string, number>()

  /** @param shares from 0 to 1, by the type of the event */
  constructor(shares: Readonly<Record<string, number>>) {
    this.#shares = new Map(Object.entries(shares))
  }

  /** `undefined`: events of the type are not sampled. */
  shareOf(type: string): number | undefined {
    return this.#shares.get(type)
  }

  /** Whether this event of the type has a line. To be asked once for each. */
  takes(type: string): boolean {
    const share = this.#shares.get(type) ?? 1
    const seen = this.#seen.get(type) ?? 0
    this.#seen.set(type, seen + 1)
    return Math.floor((seen + 1) * share) > Math.floor(seen * share)
  }
}
