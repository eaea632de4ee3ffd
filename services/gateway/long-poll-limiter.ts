/** The polls that wait at the moment, counted so that they stay bounded. @module */
import type { GatewayCounters } from './counters.ts'
import type { FairBound } from './fair-bound.ts'
import { Refusal } from './refusal.ts'

export class LongPollLimiter {
  readonly #places: FairBound
  readonly #counters: GatewayCounters

  constructor(places: FairBound, counters: GatewayCounters) {
    this.#places = places
    this.#counters = counters
  }

  /** Runs a poll of a client. @throws Refusal `busy` when too many are open, or too many of this client. */
  async run<T>(client: string | undefined, poll: () => Promise<T>): Promise<T> {
    this.enter(client)
    try {
      return await poll()
    } finally {
      this.leave(client)
    }
  }

  /** A poll begins. @throws Refusal `busy` as `run`. */
  enter(client: string | undefined): void {
    if (!this.#places.take(client, 1)) {
      throw new Refusal('busy', 'As many polls wait as the gateway allows: try again later.', {
        retryAfter: 1,
      })
    }
    this.#counters.pollsWaiting++
  }

  /** A poll that has entered has ended. */
  leave(client: string | undefined): void {
    this.#places.give(client, 1)
    this.#counters.pollsWaiting--
  }
}
