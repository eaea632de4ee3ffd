/** What a consumer has consumed, committed from time to time (`enable.auto.commit`). @module */
import type { Runtime } from '../../src/ports/runtime.ts'
import type { TopicPosition } from './topic-position.ts'

/** Kafka's `auto.commit.interval.ms`. */
const INTERVAL_MS = 5000

export interface Consumption {
  /** The offsets after the records returned so far; empty where the consumer does not commit by itself. */
  readonly consumed: () => readonly TopicPosition[]
  readonly commit: (positions: readonly TopicPosition[]) => Promise<void>
}

export class AutoCommit {
  readonly #runtime: Runtime
  readonly #consumption: Consumption
  #at: number
  #last = ''
  #busy = false

  constructor(runtime: Runtime, consumption: Consumption) {
    this.#runtime = runtime
    this.#consumption = consumption
    this.#at = runtime.monotonic()
  }

  /** Another commit was made; the last automatic one no longer counts. */
  forget(): void {
    this.#last = ''
  }

  /** Commits the consumed offsets, unless the last commit had the same ones. */
  async commit(): Promise<void> {
    const consumed = this.#consumption.consumed()
    const text = JSON.stringify(consumed)
    if (consumed.length === 0 || text === this.#last) return
    await this.#consumption.commit(consumed)
    this.#last = text
  }

  /**
   * Each poll calls it and does not wait for it. When a commit fails, the next one commits the same offsets.
   */
  byTime(): void {
    const now = this.#runtime.monotonic()
    if (this.#busy || now - this.#at < INTERVAL_MS) return
    this.#at = now
    this.#busy = true
    void this.commit()
      .catch(() => {})
      .finally(() => (this.#busy = false))
  }
}
