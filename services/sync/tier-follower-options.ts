/** What the applier of a shared tier takes and returns. @module */
import * as z from 'zod/mini'
import type { Codec } from '../../src/wire/codec.ts'
import type { CallOptions, KafkaLog } from '../../src/ports/kafka-log.ts'
import type { Runtime } from '../../src/ports/runtime.ts'
import type { Tier } from '../../src/ports/tier.ts'
import type { Duration } from '../../src/runtime/duration.ts'
import { callback, count, duration, hasMethods, topicName } from './settings.ts'

/**
 * Why an applier began again at the end of the log: isolates then refuse the values that were in the tier.
 */
export type BeginReason =
  /** There was no position: never begun, or the store was wiped. */
  | 'start'
  /** The topic was deleted and created again. */
  | 'replaced'
  /** The log ends before the position. */
  | 'rewound'
  /** Retention has deleted records that were not applied yet. */
  | 'truncated'
  /** A record is larger than any answer. */
  | 'stalled'

export type TierFollowerEvent =
  | {
      readonly type: 'begin'
      readonly partition: number
      readonly reason: BeginReason
      readonly position: number
    }
  | {
      readonly type: 'apply'
      readonly partition: number
      readonly from: number
      readonly to: number
      readonly evictions: number
      /** Until the tier had them, in milliseconds. */
      readonly durationMs: number
    }
  | { readonly type: 'failed'; readonly error: unknown; readonly retryInMs: number }

export interface TierFollowerOptions {
  readonly kafka: KafkaLog
  /** A tier with an applier. */
  readonly tier: Tier
  readonly topics?: {
    /** @default 'cache-evictions' */
    readonly evictions?: string
  }
  /** The partitions to follow. @default all of the topic */
  readonly partitions?: readonly number[]
  /** Reads messages in other formats than JSON. @default JSON */
  readonly codec?: Codec
  /** The largest message that is inflated. @default 1_000_000 */
  readonly maxMessageBytes?: number
  /**
   * Size of the answer that one read asks for, in bytes; grows to 16 times this for a larger record.
   * @default 1_000_000
   */
  readonly maxBytes?: number
  /** Evictions in one batch. @default 1000 */
  readonly maxRecords?: number
  /** How long one call of the log or of the tier may take. @default '10s' */
  readonly timeout?: Duration
  /** How long `follow()` waits for a record before it asks again; without long polls, how often. @default '1s' */
  readonly wait?: Duration
  readonly onEvent?: (event: TierFollowerEvent) => void
  /** Clocks, randomness, timers. @default `systemRuntime()` */
  readonly runtime?: Runtime
}

/** The result of a step. */
export interface TierStep {
  /** Offsets that were applied, gaps included. */
  readonly records: number
  /** Partitions that began again at the end. */
  readonly begun: readonly number[]
  /** Whether the tier reached the end that the log had when the step began. */
  readonly atEnd: boolean
}

export interface TierLag {
  /** Offsets between the applied position and the last known end, over all partitions. */
  readonly records: number
  /** Milliseconds since the start of the last step that ended at the end; `Infinity` before the first. */
  readonly ms: number
  /** Failed steps in a row. */
  readonly failures: number
  readonly partitions: readonly {
    readonly partition: number
    readonly position: number
    readonly end: number
  }[]
}

/** Counters since construction. */
export interface TierFollowerStats {
  /** Offsets that were applied, gaps included. */
  readonly records: number
  readonly batches: number
  readonly evictions: number
  /** How often a partition began again at the end. */
  readonly begins: number
  /** Steps of `follow()` that failed, because of the log or the tier. */
  readonly failures: number
}

/** Follows the evictions topic for a tier. */
export interface TierFollower {
  /**
   * Applies the evictions up to the end, and returns: for a cron, a queue or a Lambda. Rejects with a
   * `KedgeError`, or with `signal.reason`; evictions that were applied until then stay applied.
   */
  step(options?: CallOptions): Promise<TierStep>
  /** Steps until aborted, by long polls where the log has them; retries failures with growing pauses. */
  follow(options: { readonly signal: AbortSignal }): Promise<void>
  lag(): TierLag
  stats(): TierFollowerStats
}

export const shape: z.ZodMiniType = z.required(
  z.partial(
    z.strictObject({
      kafka: hasMethods('produce', 'offsets', 'read'),
      tier: z.custom((tier) => (tier as Partial<Tier> | undefined)?.applier !== undefined, {
        error: 'has no applier: its store cannot keep an applied position soundly',
      }),
      topics: z.partial(z.strictObject({ evictions: topicName })),
      partitions: z.array(z.int().check(z.nonnegative())).check(z.minLength(1)),
      codec: hasMethods('encode', 'decode', 'detects'),
      maxMessageBytes: count,
      maxBytes: count,
      maxRecords: count,
      timeout: duration,
      wait: duration,
      onEvent: callback,
      runtime: hasMethods('now', 'monotonic', 'random', 'sleep', 'microtask'),
    }),
  ),
  { kafka: true, tier: true },
)
