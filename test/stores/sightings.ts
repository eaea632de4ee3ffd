/** What readers have seen of the keys of a store, and what a later reader must therefore see. @module */

/** What was lost of the store, on purpose. */
export interface Loss {
  readonly from: number
  readonly to: number
  /** Until when keys may go back to what they were: until all has been read again. Absent: keys start over at once. */
  until?: number
}

/** When a reader looked, in milliseconds since the epoch. */
interface Span {
  readonly began: number
  readonly ended: number
}

interface Sighting {
  readonly offset: number
  /** When the look ended: what is read after that is not older. */
  readonly at: number
}

/** A look takes less. For so long a sighting counts beside a newer one that has seen as much. */
const LONGEST_LOOK_MS = 60_000

export class Sightings {
  readonly #losses: Loss[] = []
  /** By key, in the order in which the looks ended. */
  readonly #seen = new Map<string, Sighting[]>()

  loses(loss: Loss): void {
    this.#losses.push(loss)
  }

  /** Whether it looked while something was being lost. */
  isBlind({ began, ended }: Span): boolean {
    return this.#losses.some(({ from, to }) => began <= to && ended >= from)
  }

  /**
   * The offset that a key may not go below: the newest that was seen by looks which had ended when this one began, and
   * that was not lost since; -1 where there is none. Of two looks at the same time either may have read first.
   */
  boundOf(key: string, { began, ended }: Span): number {
    let bound = -1
    for (const { offset, at } of this.#seen.get(key) ?? []) {
      if (at >= began || offset <= bound) continue
      const isLost = this.#losses.some(
        ({ to, until }) => (to >= at && to <= began) || (until !== undefined && to <= ended && until >= at),
      )
      if (!isLost) bound = offset
    }
    return bound
  }

  /** Takes in what a look has seen. Returns whether one at the same time, which ended before, has seen something newer. */
  take(key: string, offset: number, { began, ended }: Span): boolean {
    const known = this.#seen.get(key) ?? []
    const kept = known.filter((one) => one.offset > offset || one.at > ended - LONGEST_LOOK_MS)
    this.#seen.set(key, [...kept, { offset, at: ended }])
    return known.some((one) => one.offset > offset && one.at >= began)
  }
}
