/**
 * The shared tier as a cache uses it: behind a circuit breaker, within deadlines, and under the carrier rule.
 *
 * What a tier returns is judged as what arrives from the updates topic is, by every eviction since the value's as-of:
 * those that the tier has applied have met it there, the others must be known here. Whatever is in doubt is a miss
 * (decision 39).
 *
 * @module
 */
import { candidateOf, knownTo, putMessage } from '../coherence/admission.ts'
import { CircuitBreaker } from '../runtime/circuit-breaker.ts'
import type { BreakerState } from '../runtime/circuit-breaker.ts'
import { pack, unpack } from '../wire/codec.ts'
import { checkWritable } from '../wire/json-data.ts'
import { withDeadline } from '../runtime/deadline.ts'
import { isKedgeError, KedgeError } from '../ports/errors.ts'
import type { TierOperation } from '../api/events.ts'
import type { Candidate } from '../coherence/candidate.ts'
import type { CacheContext } from '../coherence/cache-context.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import { readUpdate } from '../wire/read-update.ts'
import type { ArrivedValue } from '../wire/read-update.ts'
import { Semaphore } from '../runtime/semaphore.ts'
import type { Evicted, FeatureScope, Held } from '../api/feature.ts'
import { HOLD_KNOWN } from '../read/core-hooks.ts'
import type { CoreSourceContext } from '../read/core-hooks.ts'
import type { TierSettings } from './settings.ts'
import type { Tier, TierAnswer, TierItem, TierPlace, TierWrite } from '../ports/tier.ts'

/** Writes at once; beyond, they are left out. */
const MAX_BACKGROUND = 64
const LEASE_MS = 30_000

export class SharedTier {
  readonly #tier: Tier
  readonly #shared: CacheContext
  readonly #hardTimeoutMs: number
  readonly #breaker: CircuitBreaker
  readonly #background: Semaphore

  constructor(tier: Tier, { hardTimeoutMs, breaker }: TierSettings, shared: CacheContext) {
    const { runtime, emit } = shared.settings
    this.#tier = tier
    this.#shared = shared
    this.#hardTimeoutMs = hardTimeoutMs
    this.#breaker = new CircuitBreaker(
      { ...breaker, leaseMs: hardTimeoutMs + LEASE_MS },
      () => runtime.random(),
      (state) => emit?.({ type: 'tier_state', tier: tier.name, state }),
    )
    this.#background = new Semaphore(MAX_BACKGROUND, runtime, shared.clock)
  }

  get state(): BreakerState {
    return this.#breaker.state
  }

  /**
   * Asks for the keys, and holds what may be held; the others are left out. Never rejects.
   *
   * The signal's reason counts against the tier only where it is a `KedgeError`.
   */
  async take<T>(
    space: CoherentStore<T>,
    keys: readonly string[],
    context: CoreSourceContext<T>,
  ): Promise<void> {
    const { partition } = space
    const place = placeOf(space)
    // Discard the answer if the log was resynced while we asked. Generation 0 (never connected) counts as 1.
    const generation = partition.generation || 1
    let proved: Promise<boolean> | undefined
    const answer = await this.#call('get', space, keys.length, context, context.signal, (signal) => {
      // Proof and tier run at the same time. A proof that fails proves nothing (decision 41).
      proved = context.proof()
      return this.#tier.getMany(place, keys, { signal })
    })
    const { counters } = this.#shared
    const found = answer === undefined ? [] : await this.#read(space, keys, answer)
    let hits = 0
    // Once the loader has answered, what it says is newer.
    if (found.length > 0 && (await proved) && !context.signal?.aborted) {
      for (const { item, arrived } of found) {
        const known = item.covered ? knownTo(answer!.applied, partition) : -1
        const candidate = this.#candidate(space, arrived, item.asOf, generation)
        if (candidate && this.#holds(context, arrived.key, candidate, known)) hits++
        else counters.tierRefused++
      }
    }
    counters.tierHits += hits
    counters.tierMisses += keys.length - hits
  }

  /** The items of the answer that can be read, and were asked for. */
  async #read<T>(
    { name }: CoherentStore<T>,
    keys: readonly string[],
    { items }: TierAnswer,
  ): Promise<{ item: TierItem; arrived: ArrivedValue }[]> {
    const { settings, counters } = this.#shared
    const found: { item: TierItem; arrived: ArrivedValue }[] = []
    for (const key of keys) {
      const item = items.get(key)
      if (item === undefined) continue
      try {
        const message = await unpack(item.bytes, settings.codec, settings.maxMessageBytes)
        const arrived = readUpdate(
          message,
          undefined,
          () => false,
          () => Infinity,
        )
        if (arrived?.kind === 'value' && arrived.namespace === name && arrived.key === key) {
          found.push({ item, arrived })
          continue
        }
        throw new KedgeError('ERR_CODEC', 'the tier returned what is not a value of kedge')
      } catch (error) {
        counters.tierRefused++
        settings.emit?.({ type: 'background_error', error })
      }
    }
    return found
  }

  #candidate<T>(
    space: CoherentStore<T>,
    arrived: ArrivedValue,
    asOf: number,
    generation: number,
  ): Candidate<T> | undefined {
    const { settings } = this.#shared
    try {
      // Without an as-of, or with two of them, it is nothing that was written here.
      const candidate =
        arrived.asOf === asOf ? candidateOf(this.#shared, space, arrived, { generation }) : 'unanchored'
      if (typeof candidate !== 'string') return candidate
      settings.emit?.({ type: 'refuse', namespace: space.name, key: arrived.key, reason: candidate })
    } catch (error) {
      // A namespace's own functions (`tags`, `schema`) may stumble over a stranger's value.
      settings.emit?.({ type: 'background_error', error })
    }
    return undefined
  }

  #holds<T>(context: CoreSourceContext<T>, key: string, candidate: Candidate<T>, known: number): boolean {
    try {
      return context[HOLD_KNOWN](key, candidate, known)
    } catch (error) {
      // So may `sizeOf`.
      this.#shared.settings.emit?.({ type: 'background_error', error })
      return false
    }
  }

  /** Stores, in the background, values that are held here; left out when too many writes are under way. */
  put<T>(space: CoherentStore<T>, { values, refused, scope }: Held<T>): void {
    const { settings, clock } = this.#shared
    const place = placeOf(space)
    const kept = [...values].filter(([key]) => (refused?.get(key) ?? 'size') === 'size')
    if (kept.length === 0) return
    // Made at once: by the time that they are packed the partition may stand for another log.
    const messages = kept.map(([key, value]) => [value, putMessage(this.#shared, space, key, value)] as const)
    this.#inBackground(scope, async () => {
      const writes: TierWrite[] = []
      for (const [{ asOf, version, ttlMs, loadedAt }, message] of messages) {
        const leftMs = ttlMs - (clock.now() - loadedAt)
        if (leftMs < 1) continue
        try {
          checkWritable(settings.codec, message)
          const bytes = await pack(message, settings)
          writes.push({ key: message.key, bytes, asOf, version, ttlMs: Math.floor(leftMs) })
        } catch (error) {
          settings.emit?.({ type: 'background_error', error })
        }
      }
      if (writes.length > 0)
        await this.#call('set', space, writes.length, { scope }, undefined, (signal) =>
          this.#tier.setMany(place, writes, { signal }),
        )
    })
  }

  /** Removes, in the background, what an eviction of our own has killed. */
  remove<T>(space: CoherentStore<T>, { keys, offset, landed, scope }: Evicted): void {
    if (!landed) return
    const place = placeOf(space)
    this.#inBackground(scope, () =>
      this.#call('delete', space, keys.length, { scope }, undefined, (signal) =>
        this.#tier.deleteMany(place, keys, offset, { signal }),
      ),
    )
  }

  async close(): Promise<void> {
    await this.#tier.close?.()
  }

  #inBackground(scope: FeatureScope, work: () => Promise<unknown>): void {
    const free = this.#background.tryTake(LEASE_MS)
    if (free) scope.waitUntil(work().finally(free))
  }

  /** The answer; `undefined` where the breaker is open, or the call has failed or took too long. */
  async #call<T, R>(
    operation: TierOperation,
    { name: namespace }: CoherentStore<T>,
    keys: number,
    { scope: { trace } }: { readonly scope: FeatureScope },
    stop: AbortSignal | undefined,
    task: (signal: AbortSignal) => Promise<R>,
  ): Promise<R | undefined> {
    const { clock, counters } = this.#shared
    const { runtime, emit } = this.#shared.settings
    const since = clock.now()
    const permit = this.#breaker.enter(since)
    if (permit === undefined) return undefined
    const tell = (failure?: { error: unknown }) =>
      emit?.({ type: 'tier', operation, namespace, keys, durationMs: clock.now() - since, ...failure }, trace)
    try {
      const result = await withDeadline(runtime, this.#hardTimeoutMs, silent, task, stop)
      this.#breaker.succeeded(permit)
      tell()
      return result
    } catch (error) {
      // The caller has left, which says nothing about the tier.
      if (stop?.aborted && !isKedgeError(stop.reason)) return undefined
      this.#breaker.failed(permit, clock.now())
      counters.tierFailures++
      tell({ error })
      return undefined
    }
  }
}

const placeOf = <T>({ name, partition }: CoherentStore<T>): TierPlace => ({
  namespace: name,
  partition: partition.id,
  logId: partition.logId,
})

const silent = () => new KedgeError('ERR_TIMEOUT', 'the tier did not answer in time', { retryable: true })
