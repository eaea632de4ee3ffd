/**
 * The port to Kafka: what the core needs of a log, and all that it needs.
 *
 * Every backend (a REST proxy, the gateway, a log in memory) implements {@link KafkaLog}; `logSuite()` of
 * `kedge/testing` is the contract in executable form. Positions belong to the caller: a read always names the
 * offset it starts at, and a backend that keeps positions of its own hides them.
 *
 * @module
 */

/** `null` where the producer gave no value. */
export type LogHeader = readonly [name: string, value: Uint8Array | null]

/** A record as it stands in a partition. */
export interface LogRecord {
  readonly partition: number
  readonly offset: number
  /** `null` where the producer gave no key. Some proxies cannot tell an empty key from none. */
  readonly key: Uint8Array | null
  /** `null` for a tombstone. Three proxies cannot write one and some return an empty value for it. */
  readonly value: Uint8Array | null
  /** Milliseconds since the epoch, where the backend tells it. */
  readonly timestamp?: number
  /** Where the backend tells them, in their order: the first 32, of at most 4 kB. Decoration only. */
  readonly headers?: readonly LogHeader[]
}

/** A record to append. */
export interface NewRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  /** Named wherever order or ownership matters, because every proxy hashes keys differently. */
  readonly partition?: number
  /** Decoration only: dropped by backends whose protocol cannot carry headers. */
  readonly headers?: Readonly<Record<string, string>>
}

/** A place in a topic: the next offset of one partition. */
export interface Position {
  readonly partition: number
  readonly offset: number
}

/** What a partition holds: offsets in `[beginning, end)`. */
export interface PartitionOffsets {
  readonly partition: number
  /** The oldest offset still held. */
  readonly beginning: number
  /** The offset that the next record will get. */
  readonly end: number
  /** Identity of the log (Kafka's topic id), where `capabilities.identity` is true. */
  readonly logId?: string
  /** How long before the call they may have been sampled, in milliseconds: at most `maxAgeMs` of the call. @default 0 */
  readonly ageMs?: number
}

export interface CallOptions {
  /** Ends the call early; the call then rejects with `signal.reason`. */
  readonly signal?: AbortSignal
}

export interface OffsetsOptions extends CallOptions {
  /** The partitions asked for. All of the topic when absent. */
  readonly partitions?: readonly number[]
  /** Bounds that another reader sampled so many milliseconds before will do: for `capabilities.shared`. @default 0 */
  readonly maxAgeMs?: number
  /** The caller's clock, by which their age counts. It never goes back; how long ago was what it showed before `unknownBefore` is unknown. */
  readonly clock?: { now(): number; readonly unknownBefore: number }
}

export interface ReadOptions extends CallOptions {
  /** A soft bound for the answer, in bytes of keys and values. A backend may return one larger record. */
  readonly maxBytes: number
  /**
   * How long to wait for a first record when there is none, in milliseconds; 0 answers at once.
   * Backends without `capabilities.longPoll` may answer earlier.
   */
  readonly waitMs: number
  /** Records of open and aborted transactions come with `'uncommitted'`, and without `capabilities.readCommitted`. */
  readonly isolation: 'uncommitted' | 'committed'
}

/** The answer to a read. */
export interface ReadResult {
  /**
   * Ascending by offset within each partition, none below the position asked for. Offsets may have gaps
   * (compaction, transaction markers): a gap is not loss.
   */
  readonly records: readonly LogRecord[]
  /** For every partition asked for, the position to read from next. */
  readonly next: readonly Position[]
  /** Partitions whose position lies outside `[beginning, end]`; nothing was read from them. */
  readonly outOfRange: readonly number[]
}

/** What a backend can do beyond the least. */
export interface LogCapabilities {
  /** `offsets` tells the identity of the log, so that a deleted and re-created topic is noticed at once. */
  readonly identity: boolean
  /** A read with `waitMs` answers as soon as a record arrives. */
  readonly longPoll: boolean
  /** `isolation: 'committed'` is honoured. */
  readonly readCommitted: boolean
  /** `maxAgeMs` of `offsets` is honoured: many readers may share one sample of the bounds. @default false */
  readonly shared?: boolean
}

/**
 * A Kafka log reached by some transport.
 *
 * Every method rejects with a `KedgeError` (or with `signal.reason` when aborted), never hangs beyond its own
 * deadline, and treats what it receives as a stranger's data.
 */
export interface KafkaLog {
  readonly capabilities: LogCapabilities
  /**
   * The topics whose records are signed, and judged: a cache or a service that is to use another one refuses the log. Set by
   * `signed()` of `kedge/signing`; absent, the log signs nothing.
   */
  readonly signedTopics?: ReadonlySet<string>
  /**
   * Appends the records and resolves with one position for each, in the order given, once **every** record is
   * acknowledged with an offset. Rejects with `ERR_PUBLISH` when any of them is not; some may then be in the log. Where
   * **all** were refused, and none can be there, it rejects with the refusal's own code: `KedgeErrorCode` has them.
   */
  produce(topic: string, records: readonly NewRecord[], options?: CallOptions): Promise<Position[]>
  /** The bounds of the partitions, sampled after the call began, but for `maxAgeMs`. */
  offsets(topic: string, options?: OffsetsOptions): Promise<PartitionOffsets[]>
  /** Reads from explicit positions, at most one per partition. */
  read(topic: string, positions: readonly Position[], options: ReadOptions): Promise<ReadResult>
  /** Ends what answers have left to do, after the proof: no read waits for it. Never rejects. */
  settled?(): Promise<void>
  /** Releases what the backend holds (consumer instances). The log is not used afterwards. */
  close?(): Promise<void>
}
