/**
 * One load of one key: what is asked of it, how far it has come, and what came of it.
 *
 * @module
 */
import type { RefuseReason } from './events.ts'
import type { Candidate } from './keyspace.ts'
import type { Scope } from './scope.ts'
import type { LoadSettings } from './settings.ts'
import type { Slots } from './slots.ts'
import type { Proof } from './sources.ts'

/** What came of a load for one key. */
export type Outcome<T> = Failed | Landed<T>

/** Why there is none. */
export interface Failed {
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
