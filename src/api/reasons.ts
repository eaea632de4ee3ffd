/** Why a cache began anew, dropped a value, or did not keep one. @module */

/** Why a cache dropped everything and started again at the end of the log. */
export type ReanchorReason =
  /** First contact. */
  | 'start'
  /** More than `maxCatchUpRecords` behind. */
  | 'behind'
  /** Retention has deleted records that were not read yet. */
  | 'truncated'
  /** The log ends before the position: it lost records, or is another one. */
  | 'rewound'
  /** The topic was deleted and created again. */
  | 'replaced'
  /** Poll after poll, nothing could be read at the position: its record is larger than any answer. */
  | 'stalled'

/** Why an entry left the cache. */
export type DropReason =
  | 'evicted'
  | 'expired'
  | 'capacity'
  | 'reanchor'
  | 'replaced'
  /** The clocks stepped back; the value may be past its TTL. */
  | 'clock'

/** Why a value was not kept. */
export type RefuseReason =
  /** An eviction met the load under way, or came before the value in the log. */
  | 'fenced'
  /** The value is older than what this isolate remembers of evictions. */
  | 'horizon'
  /** Loaded before the first contact with the log. */
  | 'unanchored'
  /** A value with a higher as-of or version is held. */
  | 'superseded'
  /** Larger than `maxEntryBytes`. */
  | 'size'
  /** The load began before it had settled after an eviction of its key (`settle`). */
  | 'settling'
  /** A writer is writing the key at its source, or this isolate may have missed an intent to do so. */
  | 'pending'
  /** It was already past its TTL, or its TTL is 0; or the clocks stepped back while it was loaded, and it may be. */
  | 'expired'
  /** The namespace's schema refused it. */
  | 'schema'
  /** A feature of the cache refused it (`mayHold`). */
  | 'feature'
  /** The cache was closed meanwhile. */
  | 'closed'
