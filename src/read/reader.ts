/**
 * Reads of one namespace: what may be served, when to wait for a proof, and when to load.
 *
 * @module
 */
import { AwaitedLoads } from './awaited-load.ts'
import type { LoadRequest, LoadResult, ReadCall } from './flight.ts'
import type { ExpiryPublisher, OpenFeature, Proof } from './core-hooks.ts'
import type { NamespaceFeatures } from './namespace-features.ts'
import type { SingleFlight } from './single-flight.ts'
import { eitherSignal } from '../runtime/abort.ts'
import { settledWithin } from '../runtime/deadline.ts'
import { askSources } from './ask-sources.ts'
import type { Follower } from '../coherence/follower.ts'
import { FreshnessGate } from './freshness-gate.ts'
import type { ServeLevel } from './freshness-gate.ts'
import { HeldValues } from './held-values.ts'
import type { Candidate } from '../coherence/candidate.ts'
import type { CacheContext } from '../coherence/cache-context.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import type { Lifecycle } from '../runtime/lifecycle.ts'
import { checkId } from '../wire/ids.ts'
import { heldEntry, loadedEntry, MISS } from './reading.ts'
import type { ReadContext } from './reading.ts'
import type { RequestScope } from '../coherence/request-scope.ts'
import { checkOptions } from '../api/option-schemas.ts'
import { loadSettings } from '../api/load-settings.ts'
import type { Semaphore } from '../runtime/semaphore.ts'
import type { StoredEntry } from '../store/entry.ts'
import type { Entry, ScopeRead } from '../api/read-types.ts'
import type { LoadOptions } from '../api/load-types.ts'

/** Why a source is not asked any more. */
const ENDED = 'the read has ended'

/** What the reads of all namespaces share. */
export interface ReaderContext {
  readonly shared: CacheContext
  /** Reports what no caller waits for. */
  readonly failed: (error: unknown) => void
  readonly follower: Follower
  readonly publisher: ExpiryPublisher
  readonly slots: Semaphore
  /** For loads while Kafka is out of reach: they are limited more narrowly. */
  readonly bypassSlots: Semaphore
  readonly lifecycle: Lifecycle
  readonly features: readonly OpenFeature[]
}

export class Reader<T> {
  readonly held: HeldValues<T>
  readonly loads: AwaitedLoads<T>
  readonly gate: FreshnessGate
  readonly flights: SingleFlight<T>
  readonly #space: CoherentStore<T>
  readonly #features: NamespaceFeatures
  readonly #context: ReaderContext

  constructor(
    space: CoherentStore<T>,
    flights: SingleFlight<T>,
    features: NamespaceFeatures,
    context: ReaderContext,
  ) {
    this.#space = space
    this.#features = features
    this.#context = context
    this.flights = flights
    this.gate = new FreshnessGate(space, context.shared, context.follower)
    this.held = new HeldValues(space, this.gate, context)
    this.loads = new AwaitedLoads(context.shared, flights, this.held)
  }

  /** Reports to the scope's listener a held value that `peek` has returned. */
  peeked(key: string, scope: RequestScope): void {
    const entry = this.#space.current(key)
    const now = this.#context.shared.clock.now()
    if (entry) this.tell(key, { entry: heldEntry(entry, now) }, undefined, scope, now)
  }

  /** Reports a read that is over to the scope's listener. @param since when it began */
  tell(
    key: string,
    read: Pick<ScopeRead, 'entry' | 'error'>,
    call: ReadCall<T> | undefined,
    scope: RequestScope,
    since: number,
  ): void {
    const durationMs = this.#context.shared.clock.now() - since
    scope.read({ namespace: this.#space.name, key, loads: call !== undefined, durationMs, ...read })
  }

  /** Reports the read to the scope's listener when it is over. */
  async watched(
    key: string,
    read: Promise<Entry<T>>,
    call: ReadCall<T> | undefined,
    scope: RequestScope,
  ): Promise<Entry<T>> {
    const since = this.#context.shared.clock.now()
    try {
      const entry = await read
      this.tell(key, { entry }, call, scope, since)
      return entry
    } catch (error) {
      this.tell(key, { error }, call, scope, since)
      throw error
    }
  }

  /** Reads one key: from the cache, or by `call` where one is given. @param as what the caller makes of the entry */
  async read<R>(
    key: string,
    call: ReadCall<T> | undefined,
    options: LoadOptions<T> | undefined,
    scope: RequestScope,
    as: (entry: Entry<T>) => R,
  ): Promise<R> {
    checkId(key, 'key')
    const { clock } = this.#context.shared
    const reading = this.begin(call, options, scope)
    let now = reading.since
    let level: ServeLevel = 'proved'
    let entry: StoredEntry<T> | undefined
    if (this.gate.isProved(reading)) {
      entry = this.#space.current(key)
    } else {
      level = await this.gate.level(this.hasUse(key, reading), reading)
      entry = this.held.usable(key, level)
      now = clock.now()
    }
    const demand = this.demand(reading, level, [key])
    const served = this.held.serve(key, entry, now, level, reading, demand !== undefined)
    // Past its TTL it is renewed, whatever else it is flagged with.
    if (served && served.ttlMs <= 0 && demand) this.flights.ofKey(key, demand, now)
    if (served) return as(served)
    if (reading.awaited) {
      await this.arrival(reading)
      const arrived = await this.held.arrived(key, reading)
      if (arrived) return as(arrived)
      entry = this.held.usable(key, level)
      now = clock.now()
    }
    const stale = entry && this.held.expired(key, entry, now, reading)
    if (demand === undefined) {
      const taken = (await this.take([key], level, reading)).get(key)
      return as(this.taken(key, taken, level, reading))
    }
    const flight = this.flights.ofKey(key, demand, now)
    // Most reads wait for nothing but the promise of the load.
    const waits = stale === undefined && demand.signal === undefined
    if (waits && this.loads.endsInTime(flight, now, demand)) await flight.settled
    const brought = this.loads.brought(key, flight, reading, demand)
    return as(brought ?? (await this.loads.wait(key, flight, stale, now, reading, demand)))
  }

  /** Whether a proof is of use: a value is held, or a load may be shared where its token turns out to be of no log here. */
  hasUse(key: string, { token }: ReadContext<T>): boolean {
    if (this.#space.current(key) !== undefined) return true
    return !this.#space.partition.isKnown(token) && this.flights.has(key)
  }

  /** Waits until values that were set are here, at most `pollTimeout`. */
  async arrival({ awaited, scope, signal }: ReadContext<T>): Promise<void> {
    await this.#features.updates!.arrival(awaited!, scope, signal)
  }

  /** Checks the call, starts a poll in the background if one is due, and notes what the read must know. */
  begin(
    call: ReadCall<T> | undefined,
    options: LoadOptions<T> | undefined,
    scope: RequestScope,
  ): ReadContext<T> {
    const { lifecycle, follower, shared } = this.#context
    const { updates } = this.#features
    lifecycle.check()
    if (call === undefined && options !== undefined) checkOptions(options, 'read')
    const { settings, partition } = this.#space
    const load = options === undefined ? settings.load : loadSettings(options, settings.load)
    if (options?.ttl !== undefined) this.#space.shortTtl.notice(options.ttl)
    const token = scope.required(partition.id, options?.after)
    const awaited = updates?.required(scope, options?.after)
    const signal = options?.signal
    signal?.throwIfAborted()
    const { next } = follower
    const since = shared.clock.now()
    follower.touch(scope, since)
    return {
      scope,
      load,
      options,
      call,
      token,
      awaited,
      signal,
      since,
      next,
      loading: undefined,
      expired: undefined,
    }
  }

  /** What the read asks of a load; `undefined` where it cannot load. */
  demand(reading: ReadContext<T>, level: ServeLevel, keys: readonly string[]): LoadRequest<T> | undefined {
    const { slots, bypassSlots } = this.#context
    const call = this.#features.aroundLoad(this.#space, keys, reading.call, reading.scope)
    if (call === undefined) return undefined
    const bypasses = level === 'bypass'
    return {
      call,
      seek: reading.call?.seek,
      load: reading.load,
      scope: reading.scope,
      signal: reading.signal,
      required: this.#space.partition.joinsFrom(reading.token, reading.next),
      bypasses,
      slots: bypasses ? bypassSlots : slots,
      sourceless: reading.call === undefined,
      coldMs: this.#space.partition.hasPosition ? undefined : this.gate.coldMs(),
      proof: this.#features.sources.length === 0 ? undefined : this.#proof(reading, level),
    }
  }

  /**
   * What a value from elsewhere waits for: the same proof as a held one. While the log is out of reach there is none, and
   * the sources of values are passed by, whatever `onUnreachable` says: their use is to spare a load, and here a load is
   * what keeps the promise.
   */
  #proof({ scope, token, since, next }: ReadContext<T>, level: ServeLevel): Proof | undefined {
    const { follower } = this.#context
    const unproved = level === 'outage' || level === 'bypass'
    if (this.#features.sources.length === 0 || unproved) return undefined
    const terms = { token, since, next }
    return (signal) => follower.reach(() => this.gate.isProved(terms), scope, signal)
  }

  /** Values from elsewhere, for a read that loads nothing. */
  async take(
    keys: readonly string[],
    level: ServeLevel,
    reading: ReadContext<T>,
  ): Promise<ReadonlyMap<string, Candidate<T>>> {
    const proof = this.#proof(reading, level)
    if (proof === undefined || keys.length === 0) return new Map()
    const { shared, lifecycle } = this.#context
    const held = new Map<string, Candidate<T>>()
    await lifecycle.during(async (closing) => {
      const stop = eitherSignal(closing)
      try {
        const onHeld = (key: string, value: Candidate<T>) => void held.set(key, value)
        const question = { keys, proof, signal: stop.signal, onHeld, scope: reading.scope }
        const asked = askSources(this.#features.sources, this.#space, question, shared)
        // A source that ends its questions by itself is faster.
        await settledWithin(shared.settings.runtime, asked, reading.load.hardTimeoutMs, closing)
      } finally {
        stop.done()
        stop.abort(ENDED)
      }
    }, reading.signal)
    return held
  }

  /** The entry of a read that loads nothing: what it took from elsewhere, if anything. */
  taken(
    key: string,
    taken: Candidate<T> | undefined,
    level: ServeLevel,
    { expired }: ReadContext<T>,
  ): Entry<T> {
    if (taken === undefined) return { ...MISS, bypassed: level === 'bypass' }
    const result: LoadResult<T> = { ...taken, stored: true, fromTier: true }
    const now = this.#context.shared.clock.now()
    return loadedEntry(result, now, false, expired?.has(key) === true)
  }
}
