/** Everything that happens in a sync, as one typed stream. @module */
import type { TimeField, TimeUnit } from './times.ts'

/** Why a record was not used. */
export type UnusableReason =
  /** Something that the key, the value or the time to live is made of is not there. */
  | 'missing'
  /** Not in the format that was said. */
  | 'undecodable'
  /** A table was truncated: which rows there were is not said. They stay in the store. */
  | 'truncate'
  /** A change event whose operation is not known. */
  | 'operation'
  /** The key that comes of it is longer than `maxKeyBytes`, or is no text. */
  | 'key'
  /** The store never takes it. */
  | 'refused'
  /** A function of the options threw. */
  | 'failed'

export interface RecordPlace {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

interface FailedAttempt {
  readonly error: unknown
  readonly attempt: number
  readonly retryInMs: number
}

interface Waiting {
  /** Of the last attempt. */
  readonly error: unknown
  readonly downMs: number
}

export type SyncEvent =
  /** The stream begins from the beginning of the topic, and why. */
  | {
      readonly type: 'begin'
      /**
       * `'new'`: the store knew nothing of it, or was wiped before this sync began. `'wiped'`: the store lost it
       * meanwhile. `'replaced'`: the topic is another one. `'rewound'`: the topic ends before the stored position.
       */
      readonly reason: 'new' | 'wiped' | 'replaced' | 'rewound'
      readonly epoch: string
    }
  /** The store forgot what it had: it is another replica, or an older snapshot. So many records are read again. */
  | { readonly type: 'went_back'; readonly records: number }
  /** Retention was quicker: records that were not read yet are gone. What they said of keys stays unknown. */
  | {
      readonly type: 'lost'
      readonly partition: number
      /** Offsets that there were, at most: gaps of compaction count as well. */
      readonly records: number
      readonly from: number
      readonly to: number
    }
  /** On the way to the end of the topic as it was when reading began: about once in a second. */
  | {
      readonly type: 'progress'
      readonly records: number
      readonly total: number
      readonly recordsPerSecond: number
      /** `undefined` until it can be told. */
      readonly etaMs: number | undefined
    }
  /** The end of the topic, as it was when reading began, is reached. */
  | {
      readonly type: 'caught_up'
      readonly records: number
      readonly durationMs: number
      readonly recordsPerSecond: number
    }
  /** Nothing can be read although there is something: an open transaction, or a record larger than any answer. */
  | { readonly type: 'stalled'; readonly partition: number; readonly offset: number; readonly end: number }
  | { readonly type: 'batch'; readonly partition: number; readonly records: number; readonly next: number }
  /**
   * The topic has more partitions than before, perhaps than when another sync read it last. Keys may have moved between
   * them: see `version`.
   */
  | { readonly type: 'partitions'; readonly from: number; readonly to: number }
  /**
   * A key of the store was met in two partitions, and records are ordered by their offsets, which do not compare: an older
   * value may win. Said once; see `version`.
   */
  | {
      readonly type: 'key_moved'
      /** In the store. */
      readonly key: string
      /** The partition of a record of it that was read before, and of the one at `offset`. */
      readonly from: number
      readonly to: number
      readonly offset: number
      /** Where Kafka's default partitioner puts the record's key among the `partitions` that the topic has now. */
      readonly usual: number | undefined
      /** 0 until the log has been asked. */
      readonly partitions: number
    }
  /** Failed for now, and will be tried again. */
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
  /** A time does not look like milliseconds. Said once of each `field`; all are counted. */
  | ({
      readonly type: 'suspect_time'
      readonly field: TimeField
      /** As it stood. */
      readonly value: number
      /** What it looks like. `'a moment'`: a time since the epoch, where a length of time is expected. */
      readonly unit: TimeUnit
    } & RecordPlace)
  /** Dead letters that could not be written in time, and are lost. */
  | { readonly type: 'dead_letters_lost'; readonly records: number; readonly error: unknown }

/** Takes an event; what it throws is ignored. */
export type SyncListener = (event: SyncEvent) => void
