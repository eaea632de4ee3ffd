/**
 * A load: asks the sources of values that features bring, and the loader, and holds what they bring.
 *
 * @module
 */
import { eitherSignal } from '../runtime/abort.ts'
import { settledWithin } from '../runtime/deadline.ts'
import { KedgeError } from '../ports/errors.ts'
import { byKey, keyOf, open } from './flight.ts'
import type { Failed, Flight, Outcome } from './flight.ts'
import type { Launch } from './launch.ts'
import { checkHoldable } from '../wire/holdable.ts'
import type { Candidate } from '../coherence/candidate.ts'
import type { CacheContext } from '../coherence/cache-context.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import { loadedLifetime } from '../coherence/ttl-and-tags.ts'
import { askSources } from './ask-sources.ts'
import type { Question } from './ask-sources.ts'
import type { Proof } from './core-hooks.ts'
import type { NamespaceFeatures } from './namespace-features.ts'
import type { Follower } from '../coherence/follower.ts'

/** How much longer a read waits for sources of values, at most, where the loader has failed. */
const GRACE_MS = 500
/** Why a source is not asked any more: another one has answered. */
const ANSWERED = 'the read has its values'

export class Load<T> {
  readonly #space: CoherentStore<T>
  readonly #shared: CacheContext
  readonly #features: NamespaceFeatures
  readonly #follower: Follower

  constructor(
    space: CoherentStore<T>,
    shared: CacheContext,
    features: NamespaceFeatures,
    follower: Follower,
  ) {
    this.#space = space
    this.#shared = shared
    this.#features = features
    this.#follower = follower
  }

  /** Asks the sources of values, then the loader for the rest; beside the sources, where they are slow. */
  async besideSources(proof: Proof, launch: Launch<T>): Promise<void> {
    const { clock } = this.#shared
    const { runtime, emit } = this.#shared.settings
    const since = clock.now()
    const { flights, signal } = launch
    const stop = eitherSignal(signal)
    const asked = this.#ask(launch, proof, stop.signal)
    let isOvertaken = false
    try {
      await settledWithin(runtime, asked, this.#features.sourceTimeoutMs, signal)
      launch.asked = open(flights)
      isOvertaken = launch.asked.length > 0
      await this.run(launch)
    } catch (error) {
      // A source may still answer where the loader has failed; for so long that the read rejects with what the loader says.
      const leftMs = Math.max(0, since + launch.ms - clock.now())
      await settledWithin(runtime, asked, Math.min(GRACE_MS, leftMs / 2), signal)
      if (open(flights).length > 0) throw error
      emit?.({ type: 'background_error', error })
    } finally {
      stop.done()
      // A tier that the loader has overtaken is slow; one that another source was faster than need not be.
      stop.abort(isOvertaken ? overtaken() : ANSWERED)
    }
  }

  /**
   * Settles the flights for which a source has a value that may be held, each at once. Never rejects. The flights do not
   * begin with it: an eviction that arrives meanwhile meets the value when the value is judged.
   */
  #ask(launch: Launch<T>, proof: Proof, signal: AbortSignal): Promise<void> {
    const flights = byKey(launch.flights)
    const question: Question<T> = {
      keys: [...flights.keys()],
      proof,
      signal,
      scope: launch.demand.scope,
      wants: (key) => {
        const { outcome, invalidated } = flights.get(key)!
        // An unacknowledged eviction may be in the log, and would match this value, too.
        return outcome === undefined && !invalidated
      },
      onHeld: (key, { value, loadedAt, ttlMs }) =>
        flights.get(key)!.settle({ value, stored: true, loadedAt, ttlMs, fromTier: true }),
    }
    return askSources(this.#features.sources, this.#space, question, this.#shared)
  }

  /** Looks elsewhere first, where the loader says so, and loads the rest. */
  async run(launch: Launch<T>): Promise<void> {
    const { clock, counters } = this.#shared
    const { demand, ms } = launch
    // An earlier reading than the load's own beginning is safe: what is loaded counts as older.
    let startedAt = launch.since
    if (demand.seek && launch.asked.length > 0) {
      const around = { shared: this.#shared, follower: this.#follower }
      await demand.seek(around, this.#space, byKey(launch.asked), demand, launch.signal)
      launch.asked = open(launch.asked)
    }
    if (launch.asked.length === 0) return
    if (demand.seek || demand.proof) startedAt = clock.now()
    let free = demand.slots.tryTake(ms, startedAt)
    if (free === undefined) {
      free = await demand.slots.take(ms, launch.signal)
      // A source may have answered while this one waited.
      launch.asked = open(launch.asked)
      startedAt = clock.now()
    }
    const flights = launch.asked
    try {
      if (flights.length === 0) return
      launch.beganAt = startedAt
      // Note the as-of first, then read the source: an eviction between the two would else spare an old value.
      const { asOf } = this.#space
      const { generation } = this.#space.partition
      for (const flight of flights) {
        flight.asOf = asOf
        flight.startedAt = startedAt
        flight.generation = generation
      }
      counters.loads++
      const { call } = demand
      const [first] = flights
      if (call.one && flights.length === 1) {
        const value = await call.one(first!.key, launch)
        this.#land(launch, () => value)
      } else {
        const values = await call.many(flights.map(keyOf), launch)
        this.#land(launch, (key) => values.get(key))
      }
    } finally {
      free()
    }
  }

  /** Settles the flights with what their load has brought. @throws what the first of them was settled with, where one fails */
  #land(launch: Launch<T>, valueOf: (key: string) => T | undefined): void {
    // The load was given up meanwhile: no read waits for these values.
    launch.throwIfStopped()
    const held = this.#features.followsHolds ? new Map<string, Candidate<T>>() : undefined
    const now = this.#shared.clock.now()
    let failure: Failed | undefined
    for (const flight of launch.asked) {
      try {
        flight.settle(this.#keep(flight, valueOf(flight.key), held, now))
      } catch (error) {
        // The value cannot be held, or a function of the options throws for it: the other values are good.
        failure ??= { error }
        flight.settle({ error })
      }
    }
    const { scope } = launch.demand
    if (held !== undefined && held.size > 0)
      scope.waitUntil(this.#features.afterHold(this.#space, { values: held, by: 'load', scope }))
    if (failure) throw failure.error
  }

  #keep(
    flight: Flight<T>,
    value: T | undefined,
    held: Map<string, Candidate<T>> | undefined,
    now: number,
  ): Outcome<T> {
    const { key, startedAt: loadedAt, asOf, generation, leader } = flight
    if (value === undefined) {
      // The source has no value any more: drop an older one that is still held.
      if (!flight.invalidated && generation === this.#space.partition.generation)
        this.#space.dropBefore(key, asOf + 1)
      return { value, stored: false, loadedAt, ttlMs: 0 }
    }
    const { load, coldMs = Infinity } = leader
    // Checked even where it would not be held: all reads that wait for the load share the value.
    checkHoldable(value, this.#space.name, key)
    const lifetime = loadedLifetime(value, load, this.#space, key, this.#shared.settings.runtime)
    const ttlMs = Math.min(lifetime.ttlMs, coldMs)
    const candidate: Candidate<T> = {
      value,
      asOf,
      generation,
      loadedAt,
      ttlMs,
      keepMs: Math.min(lifetime.keepMs, coldMs - ttlMs),
      windows: lifetime.windows,
      tags: lifetime.tags,
      version: undefined,
      settleMs: this.#space.settings.settleMs,
      beforeContact: leader.coldMs !== undefined,
    }
    const judged = flight.invalidated ? { ...candidate, generation: -1 } : candidate
    const refused = this.#space.hold(key, judged, now)
    if (refused === 'fenced') this.#shared.counters.fenced++
    const stored = refused === undefined
    // Before the first contact the value has no as-of by which other isolates could judge it.
    if (stored && generation > 0) held?.set(key, candidate)
    return stored ? { value, stored, loadedAt, ttlMs } : { value, stored, refused, loadedAt, ttlMs }
  }
}

const overtaken = () =>
  new KedgeError('ERR_TIMEOUT', 'the loader was faster than this source of values', { retryable: true })
