/**
 * Reads of many keys of one namespace, with at most one call for those that are missing.
 *
 * @module
 */
import type { CacheContext } from '../coherence/cache-context.ts'
import type { RequestScope } from '../coherence/request-scope.ts'
import type { StoredEntry } from '../store/entry.ts'
import { inOrder } from '../api/entries.ts'
import { checkId } from '../wire/ids.ts'
import type { LoadOptions } from '../api/load-types.ts'
import type { Entry } from '../api/read-types.ts'
import type { LoadRequest, ReadCall } from './flight.ts'
import type { ServeLevel } from './freshness-gate.ts'
import type { Reader } from './reader.ts'
import type { ReadContext, ReportRead } from './reading.ts'

/** A read of many keys, as its steps pass it on. */
interface ManyRead<T> {
  readonly reading: ReadContext<T>
  readonly level: ServeLevel
  readonly found: Map<string, T>
  readonly tell: ReportRead
}

export class ManyReader<T> {
  readonly #shared: CacheContext
  readonly #reader: Reader<T>

  constructor(shared: CacheContext, reader: Reader<T>) {
    this.#shared = shared
    this.#reader = reader
  }

  /** Keys without a value are left out of the answer; the others are in the order asked for. */
  async read(
    keys: readonly string[],
    call: ReadCall<T> | undefined,
    options: LoadOptions<T> | undefined,
    scope: RequestScope,
  ): Promise<Map<string, T>> {
    const reader = this.#reader
    const wanted = [...new Set(keys)]
    for (const key of wanted) checkId(key, 'key')
    const reading = reader.begin(call, options, scope)
    const isHeld = () => wanted.some((key) => reader.hasUse(key, reading))
    const level = reader.gate.isProved(reading) ? 'proved' : await reader.gate.level(isHeld(), reading)
    const demand = reader.demand(reading, level, wanted)
    const many: ManyRead<T> = {
      reading,
      level,
      found: new Map(),
      tell: (key, read) => {
        if (scope.isWatched) reader.tell(key, read, call, scope, reading.since)
      },
    }
    const { missing, refresh } = this.#serve(wanted, many, demand)
    const left = reading.awaited ? await this.#arrivals(missing, many) : missing
    if (demand) await this.#load(left, refresh, many, demand)
    else await this.#take(left, many)
    const { found } = many
    return inOrder(wanted, found)
  }

  /** Serves what is held. The keys that are missing, and those that are past their TTL and to be renewed. */
  #serve(
    wanted: readonly string[],
    { reading, level, found, tell }: ManyRead<T>,
    demand: LoadRequest<T> | undefined,
  ): { missing: string[]; refresh: string[] } {
    const missing: string[] = []
    const refresh: string[] = []
    const now = this.#shared.clock.now()
    for (const key of wanted) {
      const held = this.#reader.held.usable(key, level)
      const entry = this.#reader.held.serve(key, held, now, level, reading, demand !== undefined)
      if (entry === undefined) missing.push(key)
      else {
        found.set(key, entry.value as T)
        tell(key, { entry })
      }
      if (entry && entry.ttlMs <= 0) refresh.push(key)
    }
    return { missing, refresh }
  }

  /** Puts values that were set, and have come, into `found`. The keys that are still missing. */
  async #arrivals(
    missing: readonly string[],
    { reading, found, tell }: ManyRead<T>,
  ): Promise<readonly string[]> {
    if (missing.length === 0) return missing
    await this.#reader.arrival(reading)
    for (const key of missing) {
      const arrived = await this.#reader.held.arrived(key, reading)
      if (arrived === undefined) continue
      found.set(key, arrived.value as T)
      tell(key, { entry: arrived })
    }
    return missing.filter((key) => !found.has(key))
  }

  /** Loads what is missing and what is to be refreshed: keys without a load under way go into one call. */
  async #load(
    missing: readonly string[],
    refresh: readonly string[],
    many: ManyRead<T>,
    demand: LoadRequest<T>,
  ): Promise<void> {
    const { reading, found, tell } = many
    const { loads } = this.#reader
    const stale = new Map<string, StoredEntry<T>>()
    for (const key of missing) {
      const expired = this.#expired(key, many)
      if (expired) stale.set(key, expired)
    }
    reading.loading = new Set(missing)
    const since = this.#shared.clock.now()
    const flights = this.#reader.flights.of([...missing, ...refresh], demand, since)
    const take = (key: string, entry: Entry<T>): void => {
      tell(key, { entry })
      if (entry.value !== undefined) found.set(key, entry.value)
    }
    const wait = async (key: string): Promise<void> => {
      const waited = loads.wait(key, flights.get(key)!, stale.get(key), since, reading, demand)
      const entry = await waited.catch((error: unknown) => {
        tell(key, { error })
        throw error
      })
      take(key, entry)
    }
    // One load settles all that this read leads: they are not waited for one by one. What has failed may have a fallback.
    const lead = async (keys: readonly string[]): Promise<void> => {
      const failed: string[] = []
      for (const key of keys) {
        const flight = flights.get(key)!
        if (flight.outcome === undefined) await flight.settled
        const brought = loads.brought(key, flight, reading, demand)
        if (brought) take(key, brought)
        else failed.push(key)
      }
      await Promise.all(failed.map(wait))
    }
    const leads = (key: string): boolean =>
      demand.signal === undefined && flights.get(key)!.leader === demand && !stale.has(key)
    await Promise.all([lead(missing.filter(leads)), ...missing.filter((key) => !leads(key)).map(wait)])
  }

  /** Takes what other sources have, for a read that loads nothing. */
  async #take(keys: readonly string[], many: ManyRead<T>): Promise<void> {
    const { reading, level, found, tell } = many
    for (const key of keys) this.#expired(key, many)
    const taken = await this.#reader.take(keys, level, reading)
    for (const key of keys) {
      const candidate = taken.get(key)
      if (candidate) found.set(key, candidate.value)
      tell(key, { entry: this.#reader.taken(key, candidate, level, reading) })
    }
  }

  #expired(key: string, { level, reading }: ManyRead<T>): StoredEntry<T> | undefined {
    const entry = this.#reader.held.usable(key, level)
    return entry && this.#reader.held.expired(key, entry, this.#shared.clock.now(), reading)
  }
}
