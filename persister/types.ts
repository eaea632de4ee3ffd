/**
 * What a user of a persister holds: the persister, what its stores are given, and the options of each call.
 *
 * @module
 */
import type { LogRecord } from '../src/log.ts'
import type { Duration } from '../src/types.ts'

/** A write, as a store is given it. */
export interface StoredWrite {
  readonly key: string
  /** `undefined` where `deleted`. */
  readonly value: unknown
  readonly deleted: boolean
  /** Told apart from all others. The same write may come twice: persist it once. */
  readonly id: string
  /** When it was written, by the writer's clock, in milliseconds since the epoch. */
  readonly at: number
  /** Where it stands in the log. Of two writes of a key the one with the higher offset is the later one. */
  readonly partition: number
  readonly offset: number
}

/**
 * Writes them to the source, all or none of them; each key is named once. To throw is to be called again, after the
 * first time with one write at a time.
 */
export type PersistWrites = (
  writes: readonly StoredWrite[],
  context: { readonly signal: AbortSignal },
) => Promise<unknown>

/** Where the position of each partition is kept; best in the store itself, in the same transaction. */
export interface PositionKeeper {
  load(partition: number): Promise<number | undefined>
  save(partition: number, next: number): Promise<void>
}

export interface PersistResult {
  /** Writes that the stores have acknowledged. */
  readonly persisted: number
  /** Writes that were met twice. */
  readonly repeated: number
  /** Records that went to the dead letters. */
  readonly dead: number
}

export interface PersisterLag {
  /** Records that were not persisted yet. */
  readonly records: number
  /** The age of the oldest of them. */
  readonly seconds: number
}

export type PersisterEvent =
  | { readonly type: 'persisted'; readonly namespace: string; readonly writes: number }
  | { readonly type: 'persist_failed'; readonly namespace: string; readonly error: unknown }
  /** Written nowhere but to the dead letters: somebody must look. */
  | {
      readonly type: 'dead_letter'
      readonly namespace: string | undefined
      readonly partition: number
      readonly offset: number
      readonly reason: string
    }
  /** Retention has taken writes before they were persisted. */
  | { readonly type: 'writes_lost'; readonly partition: number; readonly from: number; readonly to: number }
  | { readonly type: 'step_failed'; readonly error: unknown; readonly retryInMs: number }

export interface PersisterHealth {
  /** Whether the topic of writes was read last time, and no store has failed since it last took something. */
  readonly ready: boolean
  /** Why not. */
  readonly error?: unknown
  /** Whose store that was; `undefined` where it is the log. */
  readonly namespace?: string
}

/** Counters since construction. */
export interface PersisterStats {
  /** Writes that the stores have acknowledged. */
  readonly persisted: number
  /** Records that went to the dead letters. */
  readonly dead: number
  /** Records that retention took before they were persisted, at most. */
  readonly lost: number
  /** Calls of stores that failed. */
  readonly storeFailures: number
  /** Rounds of `run()` that the log has failed. */
  readonly logFailures: number
}

/** Persists what `writeBehind` has written. */
export interface Persister {
  /**
   * Persists until aborted; then what was read is finished, for at most `drain`. Never rejects for the log's or a
   * store's sake. For processes that live long.
   */
  run(options: { readonly signal: AbortSignal }): Promise<void>
  /** Persists what there is, for a while: for a cron trigger. */
  step(options: { readonly budget: Duration; readonly signal?: AbortSignal }): Promise<PersistResult>
  /** Persists records of the topic that somebody else has read, and keeps no position. */
  apply(records: readonly LogRecord[], options?: { readonly signal?: AbortSignal }): Promise<PersistResult>
  lag(options?: { readonly signal?: AbortSignal }): Promise<PersisterLag>
  /** How far the lag that was last known is towards `maxLagRecords` and `maxLag`: from 1 on writers should slow down. */
  pressure(): number
  /** How `run()` fares. */
  health(): PersisterHealth
  stats(): PersisterStats
  close(): Promise<void>
}
