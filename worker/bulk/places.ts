/**
 * Places for answers that stream: how many there may be at once, in all and for one credential.
 *
 * A place is a lease that its holder renews, because on Workers a request can vanish without giving back what it took.
 *
 * @module
 */

export interface PlaceBounds {
  readonly max: number
  /** Of one credential. Clients that show none are bounded together, by `max`. */
  readonly maxEach: number
}

interface Held {
  until: number
  readonly credential: string | undefined
}

export interface Place {
  /** Keeps the place until this moment at least. */
  readonly renew: (until: number) => void
  /** Gives it back. May be called again. */
  readonly leave: () => void
}

export class Places {
  readonly #bounds: PlaceBounds
  readonly #held = new Set<Held>()

  constructor(bounds: PlaceBounds) {
    this.#bounds = bounds
  }

  /** A place, if there is one now. */
  take(credential: string | undefined, now: number, until: number): Place | undefined {
    let own = 0
    for (const held of this.#held) {
      if (held.until <= now) this.#held.delete(held)
      else if (credential !== undefined && held.credential === credential) own++
    }
    if (this.#held.size >= this.#bounds.max || own >= this.#bounds.maxEach) return undefined
    const held: Held = { until, credential }
    this.#held.add(held)
    return {
      renew: (longer) => void (held.until = Math.max(held.until, longer)),
      leave: () => void this.#held.delete(held),
    }
  }
}
