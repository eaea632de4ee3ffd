/**
 * Reads of one namespace: what may be served, when to wait for a proof, and when to load.
 *
 * @module
 */
import type { Call, LoadRequest, Flight, LoadResult, Outcome } from './flight.ts'
import { loaderTimeout } from './single-flight.ts'
import type { SingleFlight } from './single-flight.ts'
import type { Follower } from '../coherence/follower.ts'
import { FreshnessGate } from './freshness-gate.ts'
import type { ServeLevel } from './freshness-gate.ts'
import type { Candidate, CacheContext, CoherentStore } from '../coherence/coherent-store.ts'
import type { Lifecycle } from '../runtime/lifecycle.ts'
import { keepMsOf } from '../coherence/ttl-and-tags.ts'
import { durationMs } from '../runtime/duration.ts'
import { checkId } from '../wire/ids.ts'
import { heldEntry, loadedEntry, MISS } from './reading.ts'
import type { ReadContext, ReportRead } from './reading.ts'
import type { RequestScope } from '../coherence/request-scope.ts'
import { checkOptions, loadSettings } from '../api/settings.ts'
import type { Semaphore } from '../runtime/semaphore.ts'
import type { ExpiryPublisher, OuterTier, PendingReads, Proof, UpdatesRead } from './sources.ts'
import type { StoredEntry, Windows } from '../store/entry.ts'
import type { TokenPositions } from '../wire/token.ts'
import type { Entry, LoadOptions, ScopeRead } from '../api/types.ts'

/** What the reads of all namespaces share. */
export interface ReaderContext {
  readonly shared: CacheContext
  readonly follower: Follower
  readonly publisher: ExpiryPublisher
  readonly slots: Semaphore
  /** For loads while Kafka is out of reach: they are limited more narrowly. */
  readonly bypassSlots: Semaphore
  readonly lifecycle: Lifecycle
  readonly tier: OuterTier | undefined
  /** Values that others publish, where they are followed. */
  readonly updates: UpdatesRead | undefined
}

export class Reader<T> {
  readonly #space: CoherentStore<T>
  readonly #pending: PendingReads<T>
  readonly #flights: SingleFlight<T>
  readonly #context: ReaderContext
  readonly #gate: FreshnessGate

  constructor(
    space: CoherentStore<T>,
    flights: SingleFlight<T>,
    pending: PendingReads<T>,
    context: ReaderContext,
  ) {
    this.#space = space
    this.#pending = pending
    this.#flights = flights
    this.#context = context
    this.#gate = new FreshnessGate(space, context.shared, context.follower)
  }

  /** The places for loads: the same for all namespaces of a cache. */
  get slots(): Semaphore {
    return this.#context.slots
  }

  /** How many loads may run at once by now: few where the log has been out of reach for too long. */
  get places(): number {
    return (this.#gate.isLost() ? this.#context.bypassSlots : this.#context.slots).max
  }

  /** Whether the log has been out of reach for too long, and nothing is held that is loaded now. */
  get isLost(): boolean {
    return this.#gate.isLost() && !this.holdsCold
  }

  /** Whether the log was never reached, and what is loaded now is held for a while all the same. */
  get holdsCold(): boolean {
    return this.#gate.coldMs() !== undefined
  }

  /** Reads one key: from the cache, or by `call` where one is given. */
  async read(
    key: string,
    call: Call<T> | undefined,
    options: LoadOptions<T> | undefined,
    scope: RequestScope,
  ): Promise<Entry<T>> {
    if (!scope.isWatched) return this.#read(key, call, options, scope)
    try {
      const entry = await this.#read(key, call, options, scope)
      this.#tell(key, { entry }, call, scope)
      return entry
    } catch (error) {
      this.#tell(key, { error }, call, scope)
      throw error
    }
  }

  /** Reports to the scope's listener a held value that `peek` has returned. */
  peeked(key: string, scope: RequestScope): void {
    const entry = this.#space.current(key)
    if (entry)
      this.#tell(key, { entry: heldEntry(entry, this.#context.shared.clock.now()) }, undefined, scope)
  }

  #tell(
    key: string,
    read: Pick<ScopeRead, 'entry' | 'error'>,
    call: Call<T> | undefined,
    scope: RequestScope,
  ): void {
    scope.read({ namespace: this.#space.name, key, loads: call !== undefined, ...read })
  }

  async #read(
    key: string,
    call: Call<T> | undefined,
    options: LoadOptions<T> | undefined,
    scope: RequestScope,
  ): Promise<Entry<T>> {
    checkId(key, 'key')
    const reading = this.#begin(call, options, scope)
    const trust = await this.#gate.trust(() => this.#space.current(key) !== undefined, reading)
    const demand = this.#demand(reading, trust, [key])
    const served = this.#serve(key, trust, reading, demand)
    // Past its TTL it is renewed, whatever else it is flagged with.
    if (served && served.ttlMs <= 0 && demand) this.#flights.of([key], demand)
    if (served) return served
    if (reading.awaited) {
      await this.#seeUpdates(reading.awaited, reading)
      const arrived = await this.#fresh(key, reading)
      if (arrived) return arrived
    }
    const stale = this.#expired(key, trust, reading)
    if (demand === undefined) {
      const taken = (await this.#take([key], trust, reading)).get(key)
      return this.#taken(key, taken, trust, reading)
    }
    return this.#wait(key, this.#flights.of([key], demand).get(key)!, stale, reading, demand)
  }

  /** Reads many keys, with at most one call for those that are missing. Keys without a value are left out. */
  async readMany(
    keys: readonly string[],
    call: Call<T> | undefined,
    options: LoadOptions<T> | undefined,
    scope: RequestScope,
  ): Promise<Map<string, T>> {
    const wanted = [...new Set(keys)]
    for (const key of wanted) checkId(key, 'key')
    const tell: ReportRead = (key, read) => {
      if (scope.isWatched) this.#tell(key, read, call, scope)
    }
    const reading = this.#begin(call, options, scope)
    const trust = await this.#gate.trust(
      () => wanted.some((key) => this.#space.current(key) !== undefined),
      reading,
    )
    const demand = this.#demand(reading, trust, wanted)
    const found = new Map<string, T>()
    const missing: string[] = []
    const refresh: string[] = []
    for (const key of wanted) {
      const entry = this.#serve(key, trust, reading, demand)
      if (entry === undefined) missing.push(key)
      else {
        found.set(key, entry.value as T)
        tell(key, { entry })
      }
      if (entry && entry.ttlMs <= 0) refresh.push(key)
    }
    const left = reading.awaited
      ? await this.#arrivals(missing, reading.awaited, reading, found, tell)
      : missing
    if (demand) {
      await this.#loadMany(left, refresh, trust, reading, demand, found, tell)
    } else {
      for (const key of left) this.#expired(key, trust, reading)
      const taken = await this.#take(left, trust, reading)
      for (const key of left) {
        const candidate = taken.get(key)
        if (candidate) found.set(key, candidate.value)
        tell(key, { entry: this.#taken(key, candidate, trust, reading) })
      }
    }
    // In the order asked for.
    return new Map(wanted.flatMap((key) => (found.has(key) ? [[key, found.get(key) as T]] : [])))
  }

  /** Waits until values that were set are here, at most `pollTimeout`. */
  async #seeUpdates(awaited: TokenPositions, { scope, signal }: ReadContext<T>): Promise<void> {
    const { follower, shared } = this.#context
    const updates = this.#context.updates!
    const since = shared.clock.now()
    const passed = () => updates.passed(awaited)
    for (let { next } = follower; !passed(); next = follower.next) {
      await follower.reach(passed, scope, signal)
      // A poll that began after this read has sampled the ends. A token beyond them is of another log, or forged.
      if (!updates.lags(awaited) || shared.clock.now() - since >= shared.settings.pollTimeoutMs) return
      // The log is left alone after a failure.
      if (follower.next === next) return
    }
  }

  /** Puts values that were set, and have come, into `found`. The keys that are still missing. */
  async #arrivals(
    missing: readonly string[],
    awaited: TokenPositions,
    reading: ReadContext<T>,
    found: Map<string, T>,
    tell: ReportRead,
  ): Promise<readonly string[]> {
    if (missing.length === 0) return missing
    await this.#seeUpdates(awaited, reading)
    for (const key of missing) {
      const arrived = await this.#fresh(key, reading)
      if (arrived === undefined) continue
      found.set(key, arrived.value as T)
      tell(key, { entry: arrived })
    }
    return missing.filter((key) => !found.has(key))
  }

  /** Loads what is missing and what is to be refreshed: keys without a load under way go into one call. */
  async #loadMany(
    missing: readonly string[],
    refresh: readonly string[],
    trust: ServeLevel,
    reading: ReadContext<T>,
    demand: LoadRequest<T>,
    found: Map<string, T>,
    tell: ReportRead,
  ): Promise<void> {
    const stale = new Map(missing.map((key) => [key, this.#expired(key, trust, reading)]))
    for (const key of missing) reading.loading.add(key)
    const flights = this.#flights.of([...missing, ...refresh], demand)
    const waits = missing.map(async (key) => {
      const waited = this.#wait(key, flights.get(key)!, stale.get(key), reading, demand)
      const entry = await waited.catch((error: unknown) => {
        tell(key, { error })
        throw error
      })
      tell(key, { entry })
      if (entry.value !== undefined) found.set(key, entry.value)
    })
    await Promise.all(waits)
  }

  #begin(
    call: Call<T> | undefined,
    options: LoadOptions<T> | undefined,
    scope: RequestScope,
  ): ReadContext<T> {
    const { lifecycle, follower, shared } = this.#context
    lifecycle.check()
    if (call === undefined && options !== undefined) checkOptions(options, 'read')
    const load = loadSettings(options, this.#space.settings.load)
    const required = scope.required(this.#space.partition.id, options?.after)
    const awaited = this.#context.updates && scope.requiredUpdates(options?.after)
    const signal = options?.signal
    signal?.throwIfAborted()
    const { next } = follower
    const since = shared.clock.now()
    follower.touch(scope)
    const before = call && this.#pending.before(call)
    return {
      scope,
      load,
      options,
      call: before,
      required,
      awaited,
      signal,
      since,
      next,
      loading: new Set(),
      expired: new Set(),
    }
  }

  #demand(reading: ReadContext<T>, trust: ServeLevel, keys: readonly string[]): LoadRequest<T> | undefined {
    const { load, scope, signal, required } = reading
    const call = reading.call ?? this.#pending.alone(keys)
    if (call === undefined) return undefined
    const slots = trust === 'bypass' ? this.#context.bypassSlots : this.#context.slots
    const sourceless = reading.call === undefined
    const proof = this.#proof(reading, trust)
    return { call, load, scope, signal, required, slots, sourceless, coldMs: this.#gate.coldMs(), proof }
  }

  /**
   * What a value of the shared tier waits for: the same proof as a held one. While the log is out of reach there is
   * none, and the tier is passed by, whatever `onUnreachable` says: its use is to spare a load, and here a load is what
   * keeps the promise.
   */
  #proof({ scope, required, since, next }: ReadContext<T>, trust: ServeLevel): Proof | undefined {
    const { follower, tier } = this.#context
    const unproved = trust === 'outage' || trust === 'bypass'
    if (tier === undefined || !this.#space.settings.tier || unproved) return undefined
    return (signal) => follower.reach(this.#gate.proved(required, since, next), scope, signal)
  }

  /** Values of the shared tier, for a read that loads nothing. */
  async #take(
    keys: readonly string[],
    trust: ServeLevel,
    reading: ReadContext<T>,
  ): Promise<ReadonlyMap<string, Candidate<T>>> {
    const proof = this.#proof(reading, trust)
    if (proof === undefined || keys.length === 0) return new Map()
    const taken = await this.#context.tier!.take(this.#space, keys, proof, reading.signal)
    reading.signal?.throwIfAborted()
    return taken
  }

  #believed(key: string, trust: ServeLevel): StoredEntry<T> | undefined {
    return trust === 'proved' || trust === 'outage' ? this.#space.current(key) : undefined
  }

  /** The value, if it is held and may be served as it is. */
  #serve(
    key: string,
    trust: ServeLevel,
    reading: ReadContext<T>,
    demand: LoadRequest<T> | undefined,
  ): Entry<T> | undefined {
    const { counters, settings, clock } = this.#context.shared
    const entry = this.#believed(key, trust)
    const now = clock.now()
    if (entry && now < entry.freshUntil) return this.#served(key, entry, trust)
    if (entry && demand && now < until(entry, windows(entry, reading).swrMs))
      return this.#served(key, entry, trust, 'swr')
    counters.misses++
    settings.emit?.({ type: 'miss', namespace: this.#space.name, key })
    return undefined
  }

  /** The value that has expired but is kept, to fall back to; one that is past that is dropped. */
  #expired(key: string, trust: ServeLevel, { scope, expired }: ReadContext<T>): StoredEntry<T> | undefined {
    const entry = this.#believed(key, trust)
    if (entry) expired.add(key)
    if (entry === undefined || this.#context.shared.clock.now() < entry.keepUntil) return entry
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
    reading: ReadContext<T>,
    demand: LoadRequest<T>,
  ): Promise<Entry<T>> {
    const { clock } = this.#context.shared
    const { load } = demand
    const since = clock.now()
    const usableUntil = expired ? until(expired, keepMsOf(windows(expired, reading))) : -Infinity
    // One millisecond more than the leader of the load waits: its error says more.
    const deadline = since + load.hardTimeoutMs + 1
    let wakeAt = since < usableUntil ? Math.min(deadline, since + load.timeoutMs) : deadline
    for (let current = flight; ;) {
      const outcome = await this.#flights.outcome(key, current, demand, wakeAt)
      if (outcome === undefined) {
        if (clock.now() >= deadline)
          return this.#landed(key, { error: loaderTimeout() }, expired, reading, demand)
        wakeAt = deadline
        const stale = await this.#fallback(key, expired, usableUntil, 'timeout', reading)
        if (stale) return stale
      } else if (outcome === 'gone' || ('fromTier' in outcome && current.leader !== demand)) {
        // The leader is gone: one waiter takes over. A value from the tier was validated only for the request
        // that fetched it, so re-check here.
        const held = await this.#fresh(key, reading)
        if (held) return held
        current = this.#flights.of([key, ...reading.loading], demand).get(key)!
      } else {
        return this.#landed(key, outcome, expired, reading, demand)
      }
    }
  }

  async #landed(
    key: string,
    outcome: Outcome<T>,
    expired: StoredEntry<T> | undefined,
    reading: ReadContext<T>,
    demand: LoadRequest<T>,
  ): Promise<Entry<T>> {
    reading.loading.delete(key)
    if ('error' in outcome) {
      const errorUntil = expired ? until(expired, windows(expired, reading).staleIfErrorMs) : -Infinity
      const stale =
        (await this.#fallback(key, expired, errorUntil, 'error', reading)) ??
        (await this.#fresh(key, reading))
      // What the loader threw is passed on untouched, whatever it is.
      return stale ?? Promise.reject(outcome.error)
    }
    return this.#arrived(key, outcome, demand.slots === this.#context.bypassSlots, reading)
  }

  #arrived(key: string, landed: LoadResult<T>, bypassed: boolean, { expired }: ReadContext<T>): Entry<T> {
    const now = this.#context.shared.clock.now()
    return loadedEntry(landed, now, { bypassed, expired: expired.has(key) })
  }

  /** What a read that loads nothing took from the tier, if anything. */
  #taken(key: string, taken: Candidate<T> | undefined, trust: ServeLevel, reading: ReadContext<T>): Entry<T> {
    if (taken === undefined) return { ...MISS, bypassed: trust === 'bypass' }
    return this.#arrived(key, { ...taken, stored: true, fromTier: true }, false, reading)
  }

  /** A value that another load, write or poll has brought in while this read was waiting. */
  async #fresh(key: string, reading: ReadContext<T>): Promise<Entry<T> | undefined> {
    const { follower, shared } = this.#context
    const isFresh = (entry: StoredEntry<T> | undefined) =>
      entry !== undefined && shared.clock.now() < entry.freshUntil
    if (!isFresh(this.#space.current(key))) return undefined
    const trust = await this.#gate.trust(() => isFresh(this.#space.current(key)), reading, follower.next)
    const held = this.#believed(key, trust)
    return isFresh(held) ? this.#served(key, held!, trust) : undefined
  }

  /** The expired value, if no eviction has come in the meantime and it is still within its window. */
  async #fallback(
    key: string,
    entry: StoredEntry<T> | undefined,
    usableUntil: number,
    because: 'timeout' | 'error',
    reading: ReadContext<T>,
  ): Promise<Entry<T> | undefined> {
    const { clock } = this.#context.shared
    if (entry === undefined || clock.now() >= usableUntil) return undefined
    const trust = await this.#gate.trust(() => true, reading, this.#context.follower.next)
    return this.#believed(key, trust) === entry ? this.#served(key, entry, trust, because) : undefined
  }

  #served(
    key: string,
    entry: StoredEntry<T>,
    trust: ServeLevel,
    because?: 'swr' | 'timeout' | 'error',
  ): Entry<T> {
    const { counters, settings } = this.#context.shared
    // This reason comes before the others: it says that the promise of `maxStaleness` does not hold.
    const staleBecause = trust === 'outage' ? 'unreachable' : because
    const stale = staleBecause !== undefined
    counters.hits++
    settings.emit?.({ type: 'hit', namespace: this.#space.name, key, stale })
    return heldEntry(entry, this.#context.shared.clock.now(), staleBecause)
  }
}

/** How long past its TTL: as the value says of itself, but no longer than this read says; else as the read does. */
function windows<T>(entry: StoredEntry<T>, { load, options }: ReadContext<T>): Windows {
  if (entry.windows === undefined) return load
  const most = (name: 'swr' | 'staleIfError'): number => {
    const given = options?.[name]
    return given === undefined || typeof given === 'function' ? Infinity : durationMs(given, name)
  }
  return {
    swrMs: Math.min(entry.windows.swrMs, most('swr')),
    staleIfErrorMs: Math.min(entry.windows.staleIfErrorMs, most('staleIfError')),
  }
}

/** When an expired value stops being of use to a reader that allows this window. */
const until = (entry: StoredEntry<unknown>, windowMs: number): number =>
  Math.min(entry.keepUntil, entry.freshUntil + windowMs)
