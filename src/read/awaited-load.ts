/**
 * Waits for a load on behalf of one read, and falls back to the expired value as its options allow.
 *
 * @module
 */
import type { CacheContext } from '../coherence/cache-context.ts'
import type { StoredEntry } from '../store/entry.ts'
import type { Entry } from '../api/read-types.ts'
import type { Flight, LoadRequest } from './flight.ts'
import type { HeldValues } from './held-values.ts'
import { loaderTimeout } from './launch.ts'
import { loadedEntry } from './reading.ts'
import type { ReadContext } from './reading.ts'
import type { SingleFlight } from './single-flight.ts'

export class AwaitedLoads<T> {
  readonly #shared: CacheContext
  readonly #flights: SingleFlight<T>
  readonly #held: HeldValues<T>

  constructor(shared: CacheContext, flights: SingleFlight<T>, held: HeldValues<T>) {
    this.#shared = shared
    this.#flights = flights
    this.#held = held
  }

  /** Whether the load ends before the deadline of a wait by its own, and settles the flight. One that is taken over ends later. */
  endsInTime(flight: Flight<T>, since: number, demand: LoadRequest<T>): boolean {
    const { isolatesRequests } = this.#shared.settings.runtime
    return flight.endsBy <= since + demand.load.hardTimeoutMs && flight.isAwaitable(demand, isolatesRequests)
  }

  /** What the load has brought, where that is as good for this read as it is; {@link wait} knows what else to do. */
  brought(
    key: string,
    { outcome, leader }: Flight<T>,
    reading: ReadContext<T>,
    demand: LoadRequest<T>,
  ): Entry<T> | undefined {
    if (outcome === undefined || 'error' in outcome) return undefined
    // A value from the tier was validated only for the request that fetched it.
    if ('fromTier' in outcome && leader !== demand) return undefined
    reading.loading?.delete(key)
    const isExpired = reading.expired?.has(key) === true
    return loadedEntry(outcome, this.#shared.clock.turn(), demand.bypasses, isExpired)
  }

  /** @param since the clock's reading of this step */
  async wait(
    key: string,
    flight: Flight<T>,
    expired: StoredEntry<T> | undefined,
    since: number,
    reading: ReadContext<T>,
    demand: LoadRequest<T>,
  ): Promise<Entry<T>> {
    const { clock } = this.#shared
    const { load } = demand
    const fallBackUntil = expired ? this.#held.fallbackUntil(expired, 'timeout', reading) : -Infinity
    // One millisecond more than the leader of the load waits: its error says more.
    const deadline = since + load.hardTimeoutMs + 1
    let wakeAt = since < fallBackUntil ? Math.min(deadline, since + load.timeoutMs) : deadline
    for (let current = flight; ;) {
      // No second timer where that of the load is enough.
      const endsInTime = wakeAt === deadline && this.endsInTime(current, since, demand)
      if (endsInTime && demand.signal === undefined) await current.settled
      const outcome =
        current.outcome ?? (await this.#flights.outcome(key, current, demand, endsInTime ? Infinity : wakeAt))
      if (outcome === undefined) {
        if (clock.now() >= deadline) return this.#failed(key, loaderTimeout(), expired, reading)
        wakeAt = deadline
        const stale = await this.#held.fallback(key, expired, 'timeout', reading)
        if (stale) return stale
      } else if (outcome !== 'gone' && 'error' in outcome) {
        return this.#failed(key, outcome.error, expired, reading)
      } else {
        const brought = outcome === 'gone' ? undefined : this.brought(key, current, reading, demand)
        if (brought) return brought
        // The leader is gone: one waiter takes over. Or the value is to be checked once more for this read.
        const held = await this.#held.arrived(key, reading)
        if (held) return held
        current = this.#flights.of([key, ...(reading.loading ?? [])], demand, clock.now()).get(key)!
      }
    }
  }

  /** Falls back to what is held; rejects with what the loader threw, untouched, whatever it is. */
  async #failed(
    key: string,
    error: unknown,
    expired: StoredEntry<T> | undefined,
    reading: ReadContext<T>,
  ): Promise<Entry<T>> {
    reading.loading?.delete(key)
    const stale =
      (await this.#held.fallback(key, expired, 'error', reading)) ?? (await this.#held.arrived(key, reading))
    return stale ?? Promise.reject(error)
  }
}
