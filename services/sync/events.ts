/** Everything that happens in a sync, as one typed stream. @module */

/** Why a record was not used. */
export type UnusableReason =
  /** The record lacks a field that the key, the value or the time to live is made of. */
  | 'missing'
  /** The record is not in the given format. */
  | 'undecodable'
  /** A table was truncated: the event does not name its rows, and they stay in the store. */
  | 'truncate'
  /** A change event with an unknown operation. */
  | 'operation'
  /** The key for the store is longer than `maxKeyBytes`, or is no text. */
  | 'key'
  /** The store refuses the write for good. */
  | 'refused'
  /** A function of the options threw. */
  | 'failed'

export interface RecordPlace {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** The place of the time: the record's timestamp, the `at` of kedge's own update, the field of `ttl`. */
export type TimeField = 'timestamp' | 'at' | 'ttl'
/** The unit that the number looks like, where milliseconds are expected. */
export type TimeUnit = 'seconds' | 'microseconds' | 'nanoseconds' | 'a moment'

interface FailedAttempt {
  readonly error: unknown
  readonly attempt: number
  readonly retryInMs: number
}

interface Waiting {
  /** The error of the last attempt. */
  readonly error: unknown
  readonly downMs: number
}

export type SyncEvent =
  /** The stream begins at the beginning of the topic, for this reason. */
  | {
      readonly type: 'begin'
      /**
       * `'new'`: the store had no state of the stream, or was wiped before this sync began. `'wiped'`: the
       * store lost that state meanwhile. `'replaced'`: the topic is another one. `'rewound'`: it ends before
       * the stored position.
       */
      readonly reason: 'new' | 'wiped' | 'replaced' | 'rewound'
      readonly epoch: string
    }
  /**
   * The store went back: it is another replica, or an older snapshot. The sync reads so many records again.
   */
  | { readonly type: 'went_back'; readonly records: number }
  /** Retention deleted records before the sync read them. Their keys may stay stale in the store. */
  | {
      readonly type: 'lost'
      readonly partition: number
      /** Deleted offsets, at most: gaps of compaction count as well. */
      readonly records: number
      readonly from: number
      readonly to: number
    }
  /** On the way to the end that the topic had when reading began: about once a second. */
  | {
      readonly type: 'progress'
      readonly records: number
      readonly total: number
      readonly recordsPerSecond: number
      /** `undefined` until the sync can estimate it. */
      readonly etaMs: number | undefined
    }
  /** The sync has reached the end that the topic had when reading began. */
  | {
      readonly type: 'caught_up'
      readonly records: number
      readonly durationMs: number
      readonly recordsPerSecond: number
    }
  /** The log returns no record although some remain: an open transaction, or one larger than any answer. */
  | { readonly type: 'stalled'; readonly partition: number; readonly offset: number; readonly end: number }
  | {
      readonly type: 'batch'
      readonly partition: number
      readonly records: number
      readonly next: number
      /** Until the store had them, repetitions and the hook included, in milliseconds. */
      readonly durationMs: number
    }
  /**
   * The topic has more partitions than before, perhaps than when another sync read it last. Keys may have moved between
   * them: see `version`.
   */
  | { readonly type: 'partitions'; readonly from: number; readonly to: number }
  /**
   * A key of the store came from two partitions. Offsets of two partitions do not compare, so an older value
   * may win. Emitted once; see `version`.
   */
  | {
      readonly type: 'key_moved'
      /** In the store. */
      readonly key: string
      /** The partition of an earlier record of the key, and that of the record at `offset`. */
      readonly from: number
      readonly to: number
      readonly offset: number
      /** Where Kafka's default partitioner puts the record's key among the `partitions` that the topic has now. */
      readonly usual: number | undefined
      /** 0 until the log has been asked. */
      readonly partitions: number
    }
  /** The store failed; the sync will try again. */
  | ({ readonly type: 'store_failed' } & FailedAttempt)
  | ({ readonly type: 'log_failed' } & FailedAttempt)
  | ({ readonly type: 'hook_failed' } & FailedAttempt)
  /** Still failing: every 10 seconds. */
  | ({ readonly type: 'store_waits' } & Waiting)
  | ({ readonly type: 'log_waits' } & Waiting)
  | ({ readonly type: 'hook_waits' } & Waiting)
  | { readonly type: 'store_recovered'; readonly downMs: number }
  | { readonly type: 'log_recovered'; readonly downMs: number }
  | { readonly type: 'hook_recovered'; readonly downMs: number }
  | ({ readonly type: 'unusable'; readonly reason: UnusableReason; readonly says: string } & RecordPlace)
  /** A time does not look like milliseconds. Emitted once for each `field`; `stats()` counts all. */
  | ({
      readonly type: 'suspect_time'
      readonly field: TimeField
      /** The number in the record. */
      readonly value: number
      /** What it looks like. `'a moment'`: a time since the epoch, where a length of time is expected. */
      readonly unit: TimeUnit
    } & RecordPlace)
  /** The dead-letter topic did not take these records in time: they are lost. */
  | { readonly type: 'dead_letters_lost'; readonly records: number; readonly error: unknown }

/** Takes an event; what it throws is ignored. */
export type SyncListener = (event: SyncEvent) => void
