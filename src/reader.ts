/**
 * Reads of one namespace: what may be served, when to wait for a proof, and when to load.
 *
 * @module
 */
import { KedgeError } from './errors.ts'
import type { Call, Demand, Flight, Flights, Outcome } from './flight.ts'
import type { Follower } from './follower.ts'
import type { Ground, Keyspace } from './keyspace.ts'
import type { Lifespan } from './lifespan.ts'
import { checkId } from './messages.ts'
import type { Publisher } from './publisher.ts'
import type { Scope } from './scope.ts'
import { loadSettings } from './settings.ts'
import type { LoadSettings } from './settings.ts'
import type { Slots } from './slots.ts'
import type { StoredEntry } from './store.ts'
import type { Entry, LoadOptions } from './types.ts'

/** What the reads of all namespaces share. */
export interface ReaderContext {
  readonly ground: Ground
  readonly follower: Follower
  readonly publisher: Publisher
  readonly slots: Slots
  /** For loads while Kafka is out of reach: they are limited more narrowly. */
  readonly bypassSlots: Slots
  readonly lifespan: Lifespan
}

/** How much of what is held may be believed. */
type Trust =
  /** All of it: every eviction that was acknowledged `maxStaleness` ago is known. */
  | 'proved'
  /** Freshness could not be proved, but `onUnreachable` says to serve it all the same. */
  | 'outage'
  /** None of it. */
  | 'bypass'

/** One read, as its steps pass it on. */
interface Reading<T> {
  readonly scope: Scope
  readonly load: LoadSettings
  readonly call: Call<T> | undefined
  readonly required: number
  readonly signal: AbortSignal | undefined
}

export class Reader<T> {
  readonly #space: Keyspace<T>
  readonly #flights: Flights<T>
  readonly #context: ReaderContext

  constructor(space: Keyspace<T>, flights: Flights<T>, context: ReaderContext) {
    this.#space = space
    this.#flights = flights
    this.#context = context
  }

  /** Reads one key: from the cache, or by `call` where one is given. */
  async read(
    key: string,
    call: Call<T> | undefined,
    options: LoadOptions<T> | undefined,
    scope: Scope,
  ): Promise<Entry<T>> {
    checkId(key, 'key')
    const reading = this.#begin(call, options, scope)
    const trust = await this.#trust(() => this.#space.current(key) !== undefined, reading)
    const demand = this.#demand(reading, trust)
    const served = this.#serve(key, trust, reading, demand)
    if (served) return served
    const stale = this.#expired(key, trust, scope)
    if (demand === undefined) return { ...MISS, bypassed: trust === 'bypass' }
    return this.#wait(key, this.#flights.of([key], demand).get(key)!, stale, reading, demand)
  }

  /** Reads many keys, with at most one call for those that are missing. Keys without a value are left out. */
  async readMany(
    keys: readonly string[],
    call: Call<T> | undefined,
    options: LoadOptions<T> | undefined,
    scope: Scope,
  ): Promise<Map<string, T>> {
    const wanted = [...new Set(keys)]
    for (const key of wanted) checkId(key, 'key')
    const reading = this.#begin(call, options, scope)
    const trust = await this.#trust(
      () => wanted.some((key) => this.#space.current(key) !== undefined),
      reading,
    )
    const demand = this.#demand(reading, trust)
    const found = new Map<string, T>()
    const missing: string[] = []
    for (const key of wanted) {
      const entry = this.#serve(key, trust, reading, demand)
      if (entry === undefined) missing.push(key)
      else found.set(key, entry.value as T)
    }
    const stale = new Map(missing.map((key) => [key, this.#expired(key, trust, scope)]))
    // All before any is waited for: those that nobody loads yet are loaded in one call.
    const flights = demand ? this.#flights.of(missing, demand) : new Map<string, Flight<T>>()
    for (const [key, flight] of flights) {
      const { value } = await this.#wait(key, flight, stale.get(key), reading, demand!)
      if (value !== undefined) found.set(key, value)
    }
    // In the order asked for.
    return new Map(wanted.flatMap((key) => (found.has(key) ? [[key, found.get(key) as T]] : [])))
  }

  #begin(call: Call<T> | undefined, options: LoadOptions<T> | undefined, scope: Scope): Reading<T> {
    const { lifespan, follower } = this.#context
    lifespan.check()
    const load = loadSettings(options, this.#space.settings.load)
    const required = scope.required(this.#space.partition.id, options?.after)
    const signal = options?.signal
    signal?.throwIfAborted()
    follower.touch(scope)
    return { scope, load, call, required, signal }
  }

  #demand({ call, load, scope, signal, required }: Reading<T>, trust: Trust): Demand<T> | undefined {
    const { slots, bypassSlots } = this.#context
    return call && { call, load, scope, signal, required, slots: trust === 'bypass' ? bypassSlots : slots }
  }

  /** Decides how far what is held may be believed; waits for a poll where that helps and there is a use for it. */
  async #trust(held: () => boolean, { scope, required, signal }: Reading<T>): Promise<Trust> {
    const { follower, ground } = this.#context
    const { partition } = this.#space
    const { maxStalenessMs, maxOutageMs, onUnreachable, emit } = ground.settings
    const since = ground.timeline.now()
    const passed = () => partition.position >= required
    const { next } = follower
    // The second is what makes `maxStaleness: 0` mean something: a poll that began after this call.
    const fresh = () => since - partition.freshAt < maxStalenessMs || partition.provedBy >= next
    const proved = () => passed() && fresh()
    if (proved()) return 'proved'
    // A miss does not wait: its load is fresh anyway, and the poll runs beside it.
    if (!held()) return this.#isLost(since) ? 'bypass' : 'proved'
    if (await follower.reach(proved, scope, signal)) return 'proved'
    const { id, tail } = partition
    const polled = partition.provedBy >= next
    if (polled && required > tail) emit?.({ type: 'token_ahead', partition: id, offset: required, end: tail })
    if (onUnreachable === 'throw' && !polled) {
      const { error: cause } = follower.freshness()
      throw new KedgeError('ERR_UNREACHABLE', 'freshness could not be proved in time', {
        cause,
        retryable: true,
      })
    }
    const bearable = onUnreachable === 'stale' && ground.timeline.now() - partition.freshAt <= maxOutageMs
    return passed() && bearable ? 'outage' : 'bypass'
  }

  /** Whether the log has been out of reach for longer than what is held may be served. */
  #isLost(now: number): boolean {
    const { follower, ground } = this.#context
    const { maxStalenessMs, maxOutageMs, onUnreachable } = ground.settings
    const bearableMs = onUnreachable === 'stale' ? maxOutageMs : maxStalenessMs
    return follower.failing && now - this.#space.partition.freshAt > bearableMs
  }

  /** The value, if it is held and may be served as it is. */
  #serve(
    key: string,
    trust: Trust,
    { load }: Reading<T>,
    demand: Demand<T> | undefined,
  ): Entry<T> | undefined {
    const { counters, settings, timeline } = this.#context.ground
    const entry = trust === 'bypass' ? undefined : this.#space.current(key)
    const now = timeline.now()
    if (entry && now < entry.freshUntil) return this.#served(key, entry, trust)
    if (entry && demand && now < until(entry, load.swrMs)) {
      this.#flights.of([key], demand)
      return this.#served(key, entry, trust, 'swr')
    }
    counters.misses++
    settings.emit?.({ type: 'miss', namespace: this.#space.name, key })
    return undefined
  }

  /** The value that has expired but is kept, to fall back to; one that is past that is dropped. */
  #expired(key: string, trust: Trust, scope: Scope): StoredEntry<T> | undefined {
    const entry = trust === 'bypass' ? undefined : this.#space.current(key)
    if (entry === undefined || this.#context.ground.timeline.now() < entry.keepUntil) return entry
    const { name, partition, settings } = this.#space
    this.#space.drop(key, 'expired')
    if (settings.announceExpiry) this.#context.publisher.announceExpiry(name, partition.id, key, scope)
    return undefined
  }

  /** Waits for a load, and falls back to the expired value as the options allow. */
  async #wait(
    key: string,
    flight: Flight<T>,
    expired: StoredEntry<T> | undefined,
    reading: Reading<T>,
    demand: Demand<T>,
  ): Promise<Entry<T>> {
    const { load } = demand
    const usableUntil = expired ? until(expired, Math.max(load.swrMs, load.staleIfErrorMs)) : -Infinity
    const isUsable = this.#context.ground.timeline.now() < usableUntil && load.timeoutMs < load.hardTimeoutMs
    let waitMs = isUsable ? load.timeoutMs : Infinity
    for (let current = flight; ;) {
      const outcome = await this.#flights.outcome(key, current, demand, waitMs)
      if (outcome === undefined) {
        waitMs = Infinity
        const stale = await this.#fallback(key, expired, usableUntil, 'timeout', reading)
        if (stale) return stale
      } else if (outcome === 'gone') {
        // Of those who waited, one takes over; the others find its load under way, or already done.
        const trust = await this.#trust(() => this.#space.current(key) !== undefined, reading)
        const held = trust === 'bypass' ? undefined : this.#space.current(key)
        if (held && this.#context.ground.timeline.now() < held.freshUntil)
          return this.#served(key, held, trust)
        current = this.#flights.of([key], demand).get(key)!
      } else {
        return this.#landed(key, outcome, expired, reading, demand)
      }
    }
  }

  async #landed(
    key: string,
    outcome: Outcome<T>,
    expired: StoredEntry<T> | undefined,
    reading: Reading<T>,
    demand: Demand<T>,
  ): Promise<Entry<T>> {
    if ('error' in outcome) {
      const errorUntil = expired ? until(expired, demand.load.staleIfErrorMs) : -Infinity
      const stale = await this.#fallback(key, expired, errorUntil, 'error', reading)
      // What the loader threw is passed on untouched, whatever it is.
      return stale ?? Promise.reject(outcome.error)
    }
    const { value, stored, loadedAt, ttlMs } = outcome
    const ageMs = this.#context.ground.timeline.now() - loadedAt
    const bypassed = demand.slots === this.#context.bypassSlots
    const state = value === undefined ? 'miss' : 'fresh'
    return { state, value, ageMs, ttlMs: ttlMs - ageMs, cached: false, stored, bypassed }
  }

  /** The expired value, if no eviction has come in the meantime and it is still within its window. */
  async #fallback(
    key: string,
    entry: StoredEntry<T> | undefined,
    usableUntil: number,
    because: 'timeout' | 'error',
    reading: Reading<T>,
  ): Promise<Entry<T> | undefined> {
    const { timeline } = this.#context.ground
    if (entry === undefined || timeline.now() >= usableUntil) return undefined
    const trust = await this.#trust(() => true, reading)
    return trust !== 'bypass' && this.#space.current(key) === entry
      ? this.#served(key, entry, trust, because)
      : undefined
  }

  #served(key: string, entry: StoredEntry<T>, trust: Trust, because?: 'swr' | 'timeout' | 'error'): Entry<T> {
    const { counters, settings, timeline } = this.#context.ground
    const now = timeline.now()
    // Said first of all: it is the promise that does not hold.
    const staleBecause = trust === 'outage' ? 'unreachable' : because
    const stale = staleBecause !== undefined
    counters.hits++
    settings.emit?.({ type: 'hit', namespace: this.#space.name, key, stale })
    return {
      state: stale ? 'stale' : 'fresh',
      value: entry.value,
      ageMs: now - entry.loadedAt,
      ttlMs: entry.freshUntil - now,
      ...(staleBecause === undefined ? {} : { staleBecause }),
      cached: true,
      stored: false,
      bypassed: false,
    }
  }
}

const MISS = { state: 'miss', value: undefined, ageMs: 0, ttlMs: 0, cached: false, stored: false } as const

/** When an expired value ends to be of use to a reader who allows for this much. */
const until = (entry: StoredEntry<unknown>, windowMs: number): number =>
  Math.min(entry.keepUntil, entry.freshUntil + windowMs)
