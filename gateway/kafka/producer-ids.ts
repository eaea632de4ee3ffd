/**
 * Ids for writers, some of them asked for ahead.
 *
 * A broker hands out ids from a block that the active controller gives it. Where that one hangs, a broker that has no
 * block answers COORDINATOR_LOAD_IN_PROGRESS for half a minute; a leader that has just taken over is such a one. An id that
 * nobody has written with is good for any partition at any broker, and does not grow old.
 *
 * @module
 */
import { performance } from 'node:perf_hooks'

export interface ProducerId {
  readonly id: bigint
  readonly epoch: number
}

/** Kept for as many writers as lose theirs at once. */
const SPARES = 8
/** After a failure, in milliseconds. */
const PAUSE_MS = 5000

export class ProducerIds {
  readonly #spares: ProducerId[] = []
  #filling = false
  #notBefore = 0

  /** One that was asked for ahead; `undefined` when none is left. */
  take(): ProducerId | undefined {
    return this.#spares.pop()
  }

  /** Asks for what is missing, one after the other, in the background. Costs nothing when nothing is. */
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
