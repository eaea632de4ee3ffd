/**
 * Single flight: one load for each key of an isolate, however many ask.
 *
 * Where promises may be shared, callers share the leader's. On Workers a promise of one request must not be
 * awaited in another (it throws or never settles), so followers look at the flight's state by timers of their
 * own, and when the leader stops renewing its lease, because its request is gone, one of them takes over.
 *
 * An eviction ends joinability: who arrives after it gets a load that began after it.
 *
 * @module
 */
import { settledWithin, withDeadline } from './deadline.ts'
import { KedgeError } from './errors.ts'
import type { RefuseReason } from './events.ts'
import { checkHoldable } from './holdable.ts'
import type { Candidate, Ground, Keyspace } from './keyspace.ts'
import type { Scope } from './scope.ts'
import type { Lifespan } from './lifespan.ts'
import { tagsOf, ttlOf } from './lifetime.ts'
import type { LoadSettings } from './settings.ts'
import type { Slots } from './slots.ts'
import type { OuterTier, Proof } from './sources.ts'

/** What came of a load for one key. */
export type Outcome<T> = Failed | Landed<T>

/** Why there is none. */
interface Failed {
  readonly error: unknown
}

/** A value that has come. */
export interface Landed<T> {
  readonly value: T | undefined
  readonly stored: boolean
  /** Why it is not. */
  readonly refused?: RefuseReason
  readonly loadedAt: number
  readonly ttlMs: number
  /** It came from the shared tier, and is held: others may take it from there, once they have judged it. */
  readonly fromTier?: true
}

/** Loads the keys; those that have no value are left out. */
export type Call<T> = (keys: readonly string[], signal: AbortSignal) => Promise<ReadonlyMap<string, T>>

/** Looks for values elsewhere, and settles the flights whose value it finds. Rejects only with `signal.reason`. */
export type Seek<T> = (
  flights: ReadonlyMap<string, Flight<T>>,
  demand: Demand<T>,
  signal: AbortSignal,
) => Promise<void>

/** Called with the values that one call has loaded and that are held now. */
export type OnHeld<T> = (held: ReadonlyMap<string, Candidate<T>>, scope: Scope) => void

/** What a caller asks of a load. */
export interface Demand<T> {
  readonly call: Call<T>
  /** Only what is not at the source yet is found by it: it is no load for those who have a loader. */
  readonly sourceless?: boolean
  readonly load: LoadSettings
  readonly scope: Scope
  readonly slots: Slots
  readonly signal: AbortSignal | undefined
  /** The position of a token: a load that is shared must have begun past it. */
  readonly required: number
  /**
   * The log was never reached and does not answer: how long, from its load's start, a value may be held all the same.
   * Absent where it must not be.
   */
  readonly coldMs?: number | undefined
  /** What values of the shared tier are judged after; absent where they could not be. */
  readonly proof?: Proof | undefined
}

/** A load under way, for one key. */
export class Flight<T> {
  /** Not begun: whatever its reader will hold is later than now. */
  asOf: number = Infinity
  startedAt: number = Infinity
  generation = -1
  aliveUntil: number
  /** An eviction failed to be published, and may have meant this. */
  doomed = false
  outcome: Outcome<T> | undefined
  /** Who leads: it may await the flight, whatever the platform. */
  readonly leader: Demand<T>
  /** Never rejects. Awaited by the leader's request, and where promises may be shared. */
  readonly settled: Promise<void>
  #resolve: () => void = () => undefined

  constructor(leader: Demand<T>, aliveUntil: number) {
    this.leader = leader
    this.aliveUntil = aliveUntil
    this.settled = new Promise((resolve) => (this.#resolve = resolve))
  }

  settle(outcome: Outcome<T>): void {
    this.outcome ??= outcome
    this.#resolve()
  }
}

/** What one call loads, and since when. */
interface Loading {
  keys: readonly string[]
  beganAt: number | undefined
}

const LEASE_MS = 500
const RENEW_MS = 150
const FIRST_PAUSE_MS = 5
const MAX_PAUSE_MS = 50
/** Flights kept at most, before those whose leaders are gone are looked for. */
const MAX_FLIGHTS = 1024

export class Flights<T> {
  readonly #space: Keyspace<T>
  readonly #ground: Ground
  readonly #flights = new Map<string, Flight<T>>()
  readonly #lifespan: Lifespan
  readonly #tier: OuterTier | undefined
  readonly #onHeld: OnHeld<T>
  readonly #seek: Seek<T>

  constructor(
    space: Keyspace<T>,
    { ground, lifespan, tier }: { ground: Ground; lifespan: Lifespan; tier: OuterTier | undefined },
    onHeld: OnHeld<T>,
    seek: Seek<T>,
  ) {
    this.#space = space
    this.#ground = ground
    this.#lifespan = lifespan
    this.#tier = tier
    this.#onHeld = onHeld
    this.#seek = seek
  }

  /** The flights of the keys: those under way that may be shared, and for the others new ones, of one call. */
  of(keys: readonly string[], demand: Demand<T>): Map<string, Flight<T>> {
    const found = new Map<string, Flight<T>>()
    const fresh: string[] = []
    for (const key of keys) {
      const flight = this.#joinable(key, demand)
      if (flight) found.set(key, flight)
      else fresh.push(key)
    }
    for (const [key, flight] of this.#launch(fresh, demand)) found.set(key, flight)
    return found
  }

  /**
   * The outcome of a flight, waited for as the platform allows, until `deadline` on the cache's timeline: then
   * `undefined`. `'gone'` when its leader's request has ended: somebody else must load. Rejects only with
   * `signal.reason`.
   */
  async outcome(
    key: string,
    flight: Flight<T>,
    demand: Demand<T>,
    deadline: number,
  ): Promise<Outcome<T> | 'gone' | undefined> {
    const { settings, timeline } = this.#ground
    if (flight.leader === demand || !settings.runtime.isolatesRequests) {
      const leftMs = Math.max(0, deadline - timeline.now())
      await settledWithin(settings.runtime, flight.settled, leftMs, demand.signal)
    } else if (await this.#watch(flight, deadline, demand.signal)) {
      if (this.#flights.get(key) === flight) this.#flights.delete(key)
      settings.emit?.({ type: 'takeover', namespace: this.#space.name, key })
      return 'gone'
    }
    return flight.outcome
  }

  /** Keeps loads under way that match from being shared or held. */
  doom(matches: (key: string) => boolean): void {
    for (const [key, flight] of this.#flights) if (matches(key)) flight.doomed = true
  }

  /** Looks at a flight of another request until it has an outcome. `true` when its leader is gone instead. */
  async #watch(flight: Flight<T>, deadline: number, signal: AbortSignal | undefined): Promise<boolean> {
    const { timeline, settings } = this.#ground
    for (
      let pauseMs = FIRST_PAUSE_MS;
      flight.outcome === undefined;
      pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2)
    ) {
      signal?.throwIfAborted()
      const now = timeline.now()
      if (now > flight.aliveUntil) return true
      if (now >= deadline) return false
      await settings.runtime.sleep(Math.min(pauseMs, deadline - now), signal)
    }
    return false
  }

  #joinable(key: string, { required, sourceless }: Demand<T>): Flight<T> | undefined {
    const flight = this.#flights.get(key)
    if (flight === undefined || flight.doomed) return undefined
    if (flight.leader.sourceless && !sourceless) return undefined
    // What the tier brings was judged for those who waited for it.
    if (flight.outcome && 'fromTier' in flight.outcome) return undefined
    const { partition } = this.#space
    const now = this.#ground.timeline.now()
    // Its leader is gone, unless it has just ended.
    if (now > flight.aliveUntil && flight.outcome === undefined) return undefined
    if (flight.startedAt !== Infinity) {
      if (flight.asOf < required || flight.generation !== partition.generation) return undefined
      if (!this.#space.joinable(key, flight.asOf, flight.startedAt)) return undefined
      // How long ago it began is unknown: the clocks have stepped back.
      if (flight.startedAt < this.#ground.timeline.unknownBefore) return undefined
      // Where evictions cannot be known, a load is good for as long as any value: from its own beginning.
      if (now - Math.max(flight.startedAt, partition.freshAt) > this.#ground.settings.maxStalenessMs)
        return undefined
    } else if (flight.outcome !== undefined) {
      // Found elsewhere, and judged as of then, while other keys of its call are still looked for.
      return undefined
    } else if (
      flight.leader.load.via === 'loader' &&
      required > Math.max(flight.leader.required, partition.position)
    ) {
      // A value that is found elsewhere may be of a moment before this token.
      return undefined
    }
    return flight
  }

  #launch(keys: readonly string[], demand: Demand<T>): Map<string, Flight<T>> {
    const flights = new Map<string, Flight<T>>()
    if (keys.length === 0) return flights
    const now = this.#ground.timeline.now()
    if (this.#flights.size > MAX_FLIGHTS) {
      for (const [key, flight] of this.#flights) if (flight.aliveUntil < now) this.#flights.delete(key)
    }
    const leaseMs = this.#ground.settings.runtime.isolatesRequests ? LEASE_MS : Infinity
    for (const key of keys) {
      const flight = new Flight<T>(demand, now + leaseMs)
      flights.set(key, flight)
      this.#flights.set(key, flight)
    }
    demand.scope.waitUntil(this.#lead(flights, demand))
    return flights
  }

  /** Runs one load for all of the flights. Never rejects: the outcome is the flights'. */
  async #lead(flights: ReadonlyMap<string, Flight<T>>, demand: Demand<T>): Promise<void> {
    const { settings, timeline } = this.#ground
    const { runtime, emit } = settings
    const { hardTimeoutMs } = demand.load
    const ended = new AbortController()
    if (runtime.isolatesRequests) demand.scope.waitUntil(this.#renew(flights, ended.signal))
    let failure: { error: unknown } | undefined
    const loading: Loading = { keys: [...flights.keys()], beganAt: undefined }
    const expired = () => (loading.beganAt === undefined ? overloaded() : loaderTimeout())
    try {
      const task = (signal: AbortSignal) => this.#fly(flights, demand, loading, signal)
      await this.#lifespan.during((stop) => withDeadline(runtime, hardTimeoutMs, expired, task, stop))
    } catch (error) {
      failure = { error }
      for (const flight of flights.values()) flight.settle(failure)
    } finally {
      ended.abort()
      for (const [key, flight] of flights) if (this.#flights.get(key) === flight) this.#flights.delete(key)
    }
    const { keys, beganAt } = loading
    if (failure === undefined && beganAt === undefined) return
    const durationMs = beganAt === undefined ? 0 : timeline.now() - beganAt
    emit?.({ type: 'load', namespace: this.#space.name, keys, durationMs, ...failure })
  }

  /** Asks the tier, then others for what it has not: beside the tier, where that takes long. */
  async #fly(
    flights: ReadonlyMap<string, Flight<T>>,
    demand: Demand<T>,
    loading: Loading,
    signal: AbortSignal,
  ): Promise<void> {
    const { runtime, tierTimeoutMs, emit } = this.#ground.settings
    const { proof } = demand
    if (this.#tier === undefined || proof === undefined) return this.#fetch(flights, demand, loading, signal)
    const stop = new AbortController()
    const relay = () => stop.abort(signal.reason)
    signal.addEventListener('abort', relay, { once: true })
    const asked = this.#ask(this.#tier, flights, proof, stop.signal)
    try {
      await settledWithin(runtime, asked, tierTimeoutMs, signal)
      await this.#fetch(open(flights), demand, loading, signal)
    } catch (error) {
      // What the source does not give the tier may.
      await asked
      if (open(flights).size > 0) throw error
      emit?.({ type: 'background_error', error })
    } finally {
      signal.removeEventListener('abort', relay)
      stop.abort(overtaken())
    }
  }

  /**
   * Settles the flights for which the tier has a value that may be held. Never rejects. They have not begun by that:
   * an eviction that arrives meanwhile meets the value when it is judged.
   */
  async #ask(
    tier: OuterTier,
    flights: ReadonlyMap<string, Flight<T>>,
    proof: Proof,
    stop: AbortSignal,
  ): Promise<void> {
    const taken = await tier.take(this.#space, [...flights.keys()], proof, stop)
    for (const [key, { value, loadedAt, ttlMs }] of taken) {
      const flight = flights.get(key)!
      // An eviction that may be in the log, though nobody was told: then it meant this value too.
      if (flight.doomed) this.#space.drop(key, 'evicted')
      else flight.settle({ value, stored: true, loadedAt, ttlMs, fromTier: true })
    }
  }

  /** Asks a loader service, where one is to be asked, and loads the rest. */
  async #fetch(
    flights: ReadonlyMap<string, Flight<T>>,
    demand: Demand<T>,
    loading: Loading,
    signal: AbortSignal,
  ): Promise<void> {
    const { hardTimeoutMs, via } = demand.load
    if (via === 'loader' && flights.size > 0) await this.#seek(flights, demand, signal)
    if (open(flights).size === 0) return
    const free = await demand.slots.take(hardTimeoutMs, signal)
    try {
      // The tier may have answered while this one waited.
      const left = open(flights)
      if (left.size === 0) return
      loading.keys = [...left.keys()]
      loading.beganAt = this.#ground.timeline.now()
      await this.#run(left, demand, signal)
    } finally {
      free()
    }
  }

  async #run(flights: ReadonlyMap<string, Flight<T>>, demand: Demand<T>, signal: AbortSignal): Promise<void> {
    const { partition } = this.#space
    const startedAt = this.#ground.timeline.now()
    // Before the source is read, and not a moment later: the whole of coherence hangs on this order.
    const { asOf } = this.#space
    for (const flight of flights.values()) {
      Object.assign(flight, { asOf, startedAt, generation: partition.generation })
    }
    this.#ground.counters.loads++
    const values = await demand.call([...flights.keys()], signal)
    // Given up meanwhile: nobody waits for these values any more.
    signal.throwIfAborted()
    const held = new Map<string, Candidate<T>>()
    let failure: Failed | undefined
    for (const [key, flight] of flights) {
      try {
        flight.settle(this.#keep(key, values.get(key), flight, held))
      } catch (error) {
        // A value that cannot be held, or an option's function that stumbles over it: its neighbours are good.
        failure ??= { error }
        flight.settle({ error })
      }
    }
    if (held.size > 0) this.#onHeld(held, demand.scope)
    if (failure) throw failure.error
  }

  #keep(key: string, value: T | undefined, flight: Flight<T>, held: Map<string, Candidate<T>>): Outcome<T> {
    const { startedAt: loadedAt, asOf, generation, leader } = flight
    if (value === undefined) {
      // There is none any more: what is still held of an earlier one has had its time.
      if (!flight.doomed && generation === this.#space.partition.generation)
        this.#space.dropBefore(key, asOf + 1)
      return { value, stored: false, loadedAt, ttlMs: 0 }
    }
    const { load, coldMs = Infinity } = leader
    const place = { namespace: this.#space.name, key }
    // Also where it would not be held: those who wait for one load share what it brings.
    checkHoldable(value, place.namespace, key)
    const ttlMs = Math.min(ttlOf(value, load, this.#ground.settings.runtime.random(), place), coldMs)
    const candidate: Candidate<T> = {
      value,
      asOf,
      generation,
      loadedAt,
      ttlMs,
      keepMs: Math.min(Math.max(load.swrMs, load.staleIfErrorMs), coldMs - ttlMs),
      tags: tagsOf(value, load, place),
      version: undefined,
      settleMs: this.#space.settings.settleMs,
      beforeContact: leader.coldMs !== undefined,
    }
    const refused = this.#space.hold(key, flight.doomed ? { ...candidate, generation: -1 } : candidate)
    if (refused === 'fenced') this.#ground.counters.fenced++
    const stored = refused === undefined
    // Before the first contact it is as of no position that others could judge it by.
    if (stored && generation > 0) held.set(key, candidate)
    return { value, stored, ...(refused && { refused }), loadedAt, ttlMs: candidate.ttlMs }
  }

  /** Renews the lease of the flights, so that followers of other requests know that their leader lives. */
  async #renew(flights: ReadonlyMap<string, Flight<T>>, ended: AbortSignal): Promise<void> {
    const { timeline, settings } = this.#ground
    while (!ended.aborted) {
      const aliveUntil = timeline.now() + LEASE_MS
      for (const flight of flights.values()) flight.aliveUntil = aliveUntil
      await settings.runtime.sleep(RENEW_MS, ended).catch(() => undefined)
    }
  }
}

export const loaderTimeout = (): KedgeError =>
  new KedgeError('ERR_LOADER_TIMEOUT', 'the loader ran longer than `hardTimeout`', { retryable: true })

/** Those that have no outcome yet. */
const open = <T>(flights: ReadonlyMap<string, Flight<T>>): ReadonlyMap<string, Flight<T>> =>
  new Map([...flights].filter(([, { outcome }]) => outcome === undefined))

const overtaken = () =>
  new KedgeError('ERR_TIMEOUT', 'the source was faster than the tier', { retryable: true })

const overloaded = () =>
  new KedgeError('ERR_OVERLOADED', 'no place for another load within `hardTimeout`', { retryable: true })
