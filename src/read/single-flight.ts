/**
 * Single flight: one load for each key of an isolate, however many ask.
 *
 * Where promises may be shared, callers share the leader's. On Workers a promise of one request must not be
 * awaited in another (it throws or never settles), so followers look at the flight's state by timers of their
 * own, and when the leader stops renewing its lease, because its request is gone, one of them takes over. The callers
 * of one scope are of one request, and share its promise.
 *
 * An eviction ends joinability: a read that arrives after it gets a load that began after it.
 *
 * @module
 */
import { settledWithin } from '../runtime/deadline.ts'
import { Flight, keyOf } from './flight.ts'
import type { Failed, LoadRequest, Outcome } from './flight.ts'
import type { CacheContext } from '../coherence/cache-context.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import type { Lifecycle } from '../runtime/lifecycle.ts'
import { Launch } from './launch.ts'
import { Load } from './load.ts'
import type { NamespaceFeatures } from './namespace-features.ts'
import type { Follower } from '../coherence/follower.ts'

const LEASE_MS = 500
const RENEW_MS = 150
const FIRST_PAUSE_MS = 5
const MAX_PAUSE_MS = 50
/** Flights kept at most, before those whose leaders are gone are looked for. */
const MAX_FLIGHTS = 1024

export class SingleFlight<T> {
  readonly #space: CoherentStore<T>
  readonly #shared: CacheContext
  readonly #flights = new Map<string, Flight<T>>()
  readonly #lifecycle: Lifecycle
  readonly #load: Load<T>
  readonly #leaseMs: number

  constructor(
    space: CoherentStore<T>,
    { shared, lifecycle, follower }: { shared: CacheContext; lifecycle: Lifecycle; follower: Follower },
    features: NamespaceFeatures,
  ) {
    this.#space = space
    space.invalidateLoads = (matches) => this.invalidate(matches)
    this.#shared = shared
    this.#lifecycle = lifecycle
    this.#leaseMs = shared.settings.runtime.isolatesRequests ? LEASE_MS : Infinity
    this.#load = new Load(space, shared, features, follower)
  }

  /**
   * The flights of the keys: those under way that may be shared, and for the others new ones, of one call.
   *
   * @param now the clock's reading of this step
   */
  of(keys: readonly string[], demand: LoadRequest<T>, now: number): Map<string, Flight<T>> {
    const found = new Map<string, Flight<T>>()
    const launched: Flight<T>[] = []
    for (const key of keys) {
      let flight = this.#joinable(key, demand, now)
      if (flight === undefined) launched.push((flight = this.#newFlight(key, demand, now)))
      found.set(key, flight)
    }
    if (launched.length > 0) this.#launch(launched, demand, now)
    return found
  }

  /** The flight of one key, as {@link of} has it. */
  ofKey(key: string, demand: LoadRequest<T>, now: number): Flight<T> {
    const shared = this.#joinable(key, demand, now)
    if (shared !== undefined) return shared
    const flight = this.#newFlight(key, demand, now)
    this.#launch([flight], demand, now)
    return flight
  }

  /** Whether a load of the key is under way. */
  has(key: string): boolean {
    const flight = this.#flights.get(key)
    return flight !== undefined && flight.outcome === undefined
  }

  /** The flight of the key that is under way and may be shared. */
  #joinable(key: string, demand: LoadRequest<T>, now: number): Flight<T> | undefined {
    const flight = this.#flights.get(key)
    return flight !== undefined && this.#isJoinable(key, flight, demand, now) ? flight : undefined
  }

  #newFlight(key: string, demand: LoadRequest<T>, now: number): Flight<T> {
    const flight = new Flight(key, demand, now, this.#leaseMs)
    this.#flights.set(key, flight)
    return flight
  }

  #launch(flights: readonly Flight<T>[], demand: LoadRequest<T>, now: number): void {
    if (this.#flights.size > MAX_FLIGHTS) {
      for (const [key, flight] of this.#flights) if (flight.aliveUntil < now) this.#flights.delete(key)
    }
    const { scope } = demand
    if (scope.keepsWork) scope.waitUntil(Promise.all(flights.map(({ settled }) => settled)))
    void this.#lead(new Launch(flights, demand, now, (launch, error) => this.#end(launch, { error })))
  }

  /**
   * The outcome of a flight, waited for as the platform allows, until `deadline` on the cache's clock: then
   * `undefined`. `'gone'` when its leader's request has ended: another request must load. Rejects only with
   * `signal.reason`.
   */
  async outcome(
    key: string,
    flight: Flight<T>,
    demand: LoadRequest<T>,
    deadline: number,
  ): Promise<Outcome<T> | 'gone' | undefined> {
    const { settings, clock } = this.#shared
    if (flight.isAwaitable(demand, settings.runtime.isolatesRequests)) {
      const leftMs = deadline === Infinity ? Infinity : Math.max(0, deadline - clock.now())
      await settledWithin(settings.runtime, flight.settled, leftMs, demand.signal)
    } else if (await this.#watch(flight, deadline, demand.signal)) {
      if (this.#flights.get(key) === flight) this.#flights.delete(key)
      settings.emit?.({ type: 'takeover', namespace: this.#space.name, key })
      return 'gone'
    }
    return flight.outcome
  }

  /** Keeps loads under way that match from being shared or held. */
  invalidate(matches: (key: string) => boolean): void {
    for (const [key, flight] of this.#flights) if (matches(key)) flight.invalidated = true
  }

  /** Looks at a flight of another request until it has an outcome. `true` when its leader is gone instead. */
  async #watch(flight: Flight<T>, deadline: number, signal: AbortSignal | undefined): Promise<boolean> {
    const { clock, settings } = this.#shared
    for (
      let pauseMs = FIRST_PAUSE_MS;
      flight.outcome === undefined;
      pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2)
    ) {
      signal?.throwIfAborted()
      const now = clock.now()
      if (now > flight.aliveUntil) return true
      if (now >= deadline) return false
      await settings.runtime.sleep(Math.min(pauseMs, deadline - now), signal)
    }
    return false
  }

  /** Whether a load under way may stand for one that begins now. */
  #isJoinable(
    key: string,
    flight: Flight<T>,
    { required, sourceless }: LoadRequest<T>,
    now: number,
  ): boolean {
    // What it has brought is held, or may not be: a value from elsewhere was judged only for the reads that waited for it.
    if (flight.outcome !== undefined || flight.invalidated) return false
    if (flight.leader.sourceless && !sourceless) return false
    const { partition } = this.#space
    // Its leader is gone.
    if (now > flight.aliveUntil) return false
    if (flight.startedAt !== Infinity) {
      if (flight.asOf < required || flight.generation !== partition.generation) return false
      if (!this.#space.joinable(key, flight.asOf, flight.startedAt, now)) return false
      // How long ago it began is unknown: the clocks have stepped back.
      if (flight.startedAt < this.#shared.clock.unknownBefore) return false
      // Where evictions cannot be known, a load is good for as long as any value: from its own beginning.
      if (now - Math.max(flight.startedAt, partition.freshAt) > this.#shared.settings.maxStalenessMs)
        return false
    } else if (
      flight.leader.seek !== undefined &&
      required > Math.max(flight.leader.required, partition.position)
    ) {
      // A value that is found elsewhere may be of a moment before this token.
      return false
    }
    return true
  }

  /** Runs one load for all of the flights. Never rejects: the outcome is the flights'. */
  async #lead(launch: Launch<T>): Promise<void> {
    const { demand } = launch
    if (this.#shared.settings.runtime.isolatesRequests) demand.scope.waitUntil(this.#renew(launch))
    try {
      this.#lifecycle.begin(launch)
      // In a later step: where the as-of lies before an eviction that is known, callers join no load that has begun,
      // and all that call in this one would load.
      await Promise.resolve()
      if (demand.proof) await this.#load.besideSources(demand.proof, launch)
      else await this.#load.run(launch)
      this.#end(launch)
    } catch (error) {
      this.#end(launch, { error })
    }
  }

  /** What follows the end of a load: no caller joins it any more, and where it has failed, those that wait learn it. */
  #end(launch: Launch<T>, failure?: Failed): void {
    if (launch.isOver) return
    launch.isOver = true
    this.#lifecycle.end(launch)
    launch.renewal?.abort()
    for (const flight of launch.flights) {
      if (failure) flight.settle(failure)
      if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key)
    }
    const { emit } = this.#shared.settings
    const { asked, beganAt } = launch
    if (emit === undefined || (failure === undefined && beganAt === undefined)) return
    const durationMs = beganAt === undefined ? 0 : this.#shared.clock.now() - beganAt
    const { trace } = launch.demand.scope
    emit({ type: 'load', namespace: this.#space.name, keys: asked.map(keyOf), durationMs, ...failure }, trace)
  }

  /** Renews the lease of the flights, so that followers of other requests know that their leader lives. */
  async #renew(launch: Launch<T>): Promise<void> {
    const { clock, settings } = this.#shared
    const ended = (launch.renewal = new AbortController()).signal
    while (!ended.aborted) {
      const aliveUntil = clock.now() + LEASE_MS
      for (const flight of launch.flights) flight.aliveUntil = aliveUntil
      await settings.runtime.sleep(RENEW_MS, ended).catch(() => undefined)
    }
  }
}
