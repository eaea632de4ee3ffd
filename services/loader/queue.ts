/**
 * Keys that wait to be loaded, the oldest first; several askers of a key share one entry.
 *
 * @module
 */
import type { RequestMessage } from '../../src/wire/messages.ts'

/** The outcome of a request. */
export type RequestOutcome = 'answered' | 'failed' | 'expired' | 'overflow' | 'failing' | 'unshareable'

/** A requested key, and what its askers need. */
export interface Wanted {
  readonly namespace: string
  readonly key: string
  /** When the last asker gives up, by the wall clock. */
  deadline: number
  /** The highest offset at which an asker begins to read the updates. */
  end: number
  /** The highest position that an asker held. */
  asOf: number
  /** When it began to wait, on the cache's clock. */
  readonly since: number
  outcome: RequestOutcome | undefined
}

export class Queue {
  readonly #max: number
  readonly #waiting = new Map<string, Map<string, Wanted>>()
  /** Keys under load, and when their lease ends: where a request can vanish, its load vanishes with it. */
  readonly #busy = new Map<string, Map<string, number>>()
  size = 0

  constructor(max: number, namespaces: readonly string[]) {
    this.#max = max
    for (const name of namespaces) {
      this.#waiting.set(name, new Map())
      this.#busy.set(name, new Map())
    }
  }

  /** Number of keys under load. */
  loading(now: number): number {
    let count = 0
    for (const busy of this.#busy.values()) for (const until of busy.values()) if (now < until) count++
    return count
  }

  /** How long the oldest key has waited. */
  age(now: number): number {
    return now - (this.#oldest()?.since ?? now)
  }

  serves(namespace: string): boolean {
    return this.#waiting.has(namespace)
  }

  /** Adds a request for a served namespace. Returns the entry of its key, and the entry that it displaced. */
  add(request: RequestMessage, now: number): { wanted: Wanted; dropped: Wanted | undefined } {
    const { ns: namespace, key, deadline, end = 0, asOf = 0 } = request
    const waiting = this.#waiting.get(namespace)!
    const known = waiting.get(key)
    if (known) {
      known.deadline = Math.max(known.deadline, deadline)
      known.end = Math.max(known.end, end)
      known.asOf = Math.max(known.asOf, asOf)
      return { wanted: known, dropped: undefined }
    }
    const wanted: Wanted = { namespace, key, deadline, end, asOf, since: now, outcome: undefined }
    waiting.set(key, wanted)
    this.size++
    return { wanted, dropped: this.size > this.#max ? this.#overflow() : undefined }
  }

  /**
   * Takes up to `max` keys of the namespace that are not under load. They are busy until `release`, or for
   * `leaseMs`.
   */
  take(namespace: string, max: number, now: number, leaseMs: number): Wanted[] {
    const waiting = this.#waiting.get(namespace)!
    const busy = this.#busy.get(namespace)!
    const taken: Wanted[] = []
    for (const wanted of waiting.values()) {
      if (taken.length >= max) break
      if (now < (busy.get(wanted.key) ?? -Infinity)) continue
      waiting.delete(wanted.key)
      this.size--
      busy.set(wanted.key, now + leaseMs)
      taken.push(wanted)
    }
    return taken
  }

  release(wanted: readonly Wanted[]): void {
    for (const { namespace, key } of wanted) this.#busy.get(namespace)!.delete(key)
  }

  #oldest(): Wanted | undefined {
    let oldest: Wanted | undefined
    for (const waiting of this.#waiting.values()) {
      // A map keeps the order of insertion: the first entry is the oldest.
      const first = waiting.values().next().value
      if (first && (oldest === undefined || first.since < oldest.since)) oldest = first
    }
    return oldest
  }

  #overflow(): Wanted {
    const oldest = this.#oldest()!
    this.#waiting.get(oldest.namespace)!.delete(oldest.key)
    this.size--
    return oldest
  }
}
