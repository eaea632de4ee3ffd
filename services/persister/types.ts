/**
 * The interface of a persister, of its stores, and the options of each call.
 *
 * @module
 */
import type { LogRecord } from '../../src/ports/kafka-log.ts'
import type { Duration } from '../../src/runtime/duration.ts'

/** A write, as a store gets it. */
export interface StoredWrite {
  readonly key: string
  /** `undefined` where `deleted`. */
  readonly value: unknown
  readonly deleted: boolean
  /** Unique id of the write. A store may get the same write twice, and must persist it once. */
  readonly id: string
  /** When it was written, by the writer's clock, in milliseconds since the epoch. */
  readonly at: number
  /** Its place in the log. Of two writes of a key the one with the higher offset is the later one. */
  readonly partition: number
  readonly offset: number
}

/**
 * Writes the batch to the source, all or nothing; each key comes once. After it throws, the persister calls
 * it again with one write at a time.
 */
export type PersistWrites = (
  writes: readonly StoredWrite[],
  context: { readonly signal: AbortSignal },
) => Promise<unknown>

/** Keeps the position of each partition; best in the store itself, in the same transaction. */
export interface PositionKeeper {
  load(partition: number): Promise<number | undefined>
  save(partition: number, next: number): Promise<void>
}

export interface PersistResult {
  /** Writes that the stores have acknowledged. */
  readonly persisted: number
  /** Writes that stood in the log twice. */
  readonly repeated: number
  /** Records that went to the dead letters. */
  readonly dead: number
}

export interface PersisterLag {
  /** Records that are not persisted yet. */
  readonly records: number
  /** The age of the oldest of them, in seconds. */
  readonly seconds: number
  /** Where only marks of the persister itself are left, the end is the position. */
  readonly partitions: readonly {
    readonly partition: number
    readonly position: number
    readonly end: number
  }[]
}

export type PersisterEvent =
  | {
      readonly type: 'persisted'
      readonly namespace: string
      readonly writes: number
      /** Until the store had them, repetitions included, in milliseconds. */
      readonly durationMs: number
    }
  | { readonly type: 'persist_failed'; readonly namespace: string; readonly error: unknown }
  /** The source does not have this write, only the dead letters: an operator must look at it. */
  | {
      readonly type: 'dead_letter'
      readonly namespace: string | undefined
      readonly partition: number
      readonly offset: number
      readonly reason: string
    }
  /** Retention deleted writes before they were persisted. */
  | { readonly type: 'writes_lost'; readonly partition: number; readonly from: number; readonly to: number }
  | { readonly type: 'step_failed'; readonly error: unknown; readonly retryInMs: number }

export interface PersisterHealth {
  /**
   * Whether the last read of the topic of writes succeeded, and no store has failed since its last success.
   */
  readonly ready: boolean
  /** Why the persister is not ready. */
  readonly error?: unknown
  /** The namespace whose store failed; `undefined` where the log failed. */
  readonly namespace?: string
}

/** Counters since construction. */
export interface PersisterStats {
  /** Writes that the stores have acknowledged. */
  readonly persisted: number
  /** Records that went to the dead letters. */
  readonly dead: number
  /** Records that retention deleted before they were persisted, at most. */
  readonly lost: number
  /** Failed calls of stores. */
  readonly storeFailures: number
  /** Rounds of `run()` in which the log failed. */
  readonly logFailures: number
}

/** Persists what `writeBehind` has written. */
export interface Persister {
  /**
   * Persists until aborted; then finishes the writes that it has read, for at most `drain`. A failing log or
   * store does not reject it. For long-lived processes.
   */
  run(options: { readonly signal: AbortSignal }): Promise<void>
  /** Persists waiting writes for at most `budget`: for a cron trigger. */
  step(options: { readonly budget: Duration; readonly signal?: AbortSignal }): Promise<PersistResult>
  /** Persists records of the topic that the caller has read, and keeps no position. */
  apply(records: readonly LogRecord[], options?: { readonly signal?: AbortSignal }): Promise<PersistResult>
  lag(options?: { readonly signal?: AbortSignal }): Promise<PersisterLag>
  /** The last known lag as a part of `maxLagRecords` or `maxLag`: from 1 on writers should slow down. */
  pressure(): number
  /** The health of `run()`. */
  health(): PersisterHealth
  stats(): PersisterStats
  close(): Promise<void>
}
