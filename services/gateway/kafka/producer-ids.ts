/**
 * Producer ids, some of them requested ahead.
 *
 * A broker hands out ids from a block that the active controller gives it. While the controller hangs, a
 * broker without a block answers COORDINATOR_LOAD_IN_PROGRESS for half a minute; a leader that has just taken
 * over often has none. An unused id works for any partition at any broker, and does not expire.
 *
 * @module
 */
import { performance } from 'node:perf_hooks'

export interface ProducerId {
  readonly id: bigint
  readonly epoch: number
}

/** Ids that are kept: so many lanes can lose theirs at once. */
const SPARES = 8
/** After a failure, in milliseconds. */
const PAUSE_MS = 5000

export class ProducerIds {
  readonly #spares: ProducerId[] = []
  #filling = false
  #notBefore = 0

  /** An id that was requested ahead; `undefined` when none is left. */
  take(): ProducerId | undefined {
    return this.#spares.pop()
  }

  /** Asks for missing ids in the background, one after the other. Does nothing when none is missing. */
  fill(ask: () => Promise<ProducerId>): void {
    if (this.#filling || this.#spares.length >= SPARES || performance.now() < this.#notBefore) return
    this.#filling = true
    void this.#fill(ask)
  }

  async #fill(ask: () => Promise<ProducerId>): Promise<void> {
    try {
      while (this.#spares.length < SPARES) this.#spares.push(await ask())
    } catch {
      this.#notBefore = performance.now() + PAUSE_MS
    } finally {
      this.#filling = false
    }
  }
}
