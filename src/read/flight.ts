/**
 * One load of one key: what is asked of it, how far it has come, and what came of it.
 *
 * @module
 */
import type { RefuseReason } from '../api/reasons.ts'
import type { CacheContext } from '../coherence/cache-context.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import type { Follower } from '../coherence/follower.ts'
import type { RequestScope } from '../coherence/request-scope.ts'
import type { LoadSettings } from '../api/load-settings.ts'
import type { Semaphore } from '../runtime/semaphore.ts'
import type { Call } from '../api/feature.ts'
import type { LoadManyContext } from '../api/load-types.ts'
import type { Proof } from './core-hooks.ts'

/** What came of a load for one key. */
export type Outcome<T> = Failed | LoadResult<T>

/** A load that failed. */
export interface Failed {
  readonly error: unknown
}

/** A load that has brought a value, or that the source has none. */
export interface LoadResult<T> {
  readonly value: T | undefined
  readonly stored: boolean
  /** Why the value is not held. */
  readonly refused?: RefuseReason
  readonly loadedAt: number
  readonly ttlMs: number
  /** From a source of values, and held: other reads take it from memory, after a proof of their own. */
  readonly fromTier?: true
}

/** Looks for values elsewhere, and settles the flights whose value it finds. Rejects only with `signal.reason`. */
export type Seek = <T>(
  around: { readonly shared: CacheContext; readonly follower: Follower },
  space: CoherentStore<T>,
  flights: ReadonlyMap<string, Flight<T>>,
  demand: LoadRequest<T>,
  signal: AbortSignal,
) => Promise<void>

/** What a read loads by. */
export interface ReadCall<T> {
  readonly many: Call<T>
  /** Loads the key where it is the only one: with nothing around its value. */
  one?(key: string, context: LoadManyContext): T | undefined | Promise<T | undefined>
  /** Looks for values elsewhere before it. */
  readonly seek?: Seek | undefined
}

/** What a loader carries that looks for values elsewhere before it loads (`viaLoader`). */
export const SEEK: unique symbol = Symbol('kedge.seek')

/** What a caller asks of a load. */
export interface LoadRequest<T> {
  readonly call: ReadCall<T>
  /** Looks for values elsewhere before the call. */
  readonly seek?: Seek | undefined
  /** Reads only pending writes from the log; callers with a loader must not join it. */
  readonly sourceless?: boolean
  readonly load: LoadSettings
  readonly scope: RequestScope
  /** Where its loads get their places. */
  readonly slots: Semaphore
  /** What is loaded is not held: freshness cannot be proved. */
  readonly bypasses: boolean
  readonly signal: AbortSignal | undefined
  /** The position of a token: a load that is shared must have begun past it. */
  readonly required: number
  /**
   * The log was never reached and does not answer: how long, from its load's start, a value may be held all the same.
   * Absent where it must not be.
   */
  readonly coldMs?: number | undefined
  /** Awaited before values from elsewhere are judged; absent where they cannot be. */
  readonly proof?: Proof | undefined
}

/** A load under way, for one key. */
export class Flight<T> {
  /** `Infinity` until the load begins: what it will read is later than every eviction until then. */
  asOf: number = Infinity
  startedAt: number = Infinity
  generation = -1
  aliveUntil: number
  /** It has an outcome by then, unless its leader's request is gone: it is given up at that time. */
  readonly endsBy: number
  /** An eviction was not acknowledged, and may match this load. */
  invalidated = false
  outcome: Outcome<T> | undefined
  readonly key: string
  /** The demand of the request that leads: that request may await the flight on every platform. */
  readonly leader: LoadRequest<T>
  #settled: Promise<void> | undefined
  #resolve: (() => void) | undefined

  /** @param now the clock's reading: what it leads begins in this step */
  constructor(key: string, leader: LoadRequest<T>, now: number, leaseMs: number) {
    this.key = key
    this.leader = leader
    this.aliveUntil = now + leaseMs
    this.endsBy = now + leader.load.hardTimeoutMs
  }

  /** Resolves when it has an outcome. Awaited by the leader's request, and where promises may be shared. */
  get settled(): Promise<void> {
    if (this.outcome !== undefined) return Promise.resolve()
    return (this.#settled ??= new Promise((resolve) => (this.#resolve = resolve)))
  }

  /** Whether what asks this may wait for the promise of the flight: it is of the leader's request, or promises may be shared. */
  isAwaitable(demand: LoadRequest<T>, isolatesRequests: boolean): boolean {
    const { leader } = this
    return (
      !isolatesRequests || leader === demand || (leader.scope === demand.scope && leader.scope.isOfRequest)
    )
  }

  /** Sets the outcome, unless the flight has one. */
  settle(outcome: Outcome<T>): void {
    this.outcome ??= outcome
    this.#resolve?.()
  }
}

/** Those that have no outcome yet. */
export const open = <T>(flights: readonly Flight<T>[]): readonly Flight<T>[] =>
  flights.filter(({ outcome }) => outcome === undefined)

export const keyOf = ({ key }: { readonly key: string }): string => key

export const byKey = <T>(flights: readonly Flight<T>[]): Map<string, Flight<T>> =>
  new Map(flights.map((flight) => [flight.key, flight]))
