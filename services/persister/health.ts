/**
 * Condition: the health and the counters of a persister, from its own events.
 *
 * @module
 */
import type { PersisterEvent, PersisterHealth, PersisterStats } from './types.ts'

export class Health {
  readonly #counters = { persisted: 0, dead: 0, lost: 0, storeFailures: 0, logFailures: 0 }
  /** Namespaces whose store has failed since its last success. */
  readonly #failing = new Map<string, unknown>()
  #log: { readonly error: unknown } | undefined
  #begun = false

  take(event: PersisterEvent): void {
    if (event.type === 'persisted') {
      this.#counters.persisted += event.writes
      this.#failing.delete(event.namespace)
    } else if (event.type === 'persist_failed') {
      this.#counters.storeFailures++
      this.#failing.set(event.namespace, event.error)
    } else if (event.type === 'dead_letter') this.#counters.dead++
    else if (event.type === 'writes_lost') this.#counters.lost += event.to - event.from
    else {
      this.#counters.logFailures++
      this.#log = { error: event.error }
    }
  }

  /** Notes that the topic was read, or that a batch is done. */
  well(): void {
    this.#begun = true
    this.#log = undefined
  }

  /** Whether the last read of the topic succeeded. */
  get reads(): boolean {
    return this.#begun && this.#log === undefined
  }

  health(): PersisterHealth {
    if (this.#log) return { ready: false, error: this.#log.error }
    const [failing] = this.#failing
    if (failing) return { ready: false, namespace: failing[0], error: failing[1] }
    return { ready: this.#begun }
  }

  stats(): PersisterStats {
    return { ...this.#counters }
  }
}
