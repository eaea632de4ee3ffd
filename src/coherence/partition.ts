/**
 * One partition of the evictions topic, as far as this isolate knows it.
 *
 * @module
 */
import type { ReanchorReason } from '../api/reasons.ts'
import type { LogRecord, PartitionOffsets } from '../ports/kafka-log.ts'
import type { EvictionTerms } from './eviction-mark.ts'
import { UnreadableRecords } from './unreadable-records.ts'
import type { Eviction, Intent } from '../wire/read-eviction.ts'
import { logMark } from '../wire/token.ts'

/** Whether an eviction may match the value of a key that has these tags. */
export type MayMatch = (key: string, tags: readonly string[] | undefined) => boolean

/** What lives in a partition: a namespace, as the follower sees it. */
export interface EvictionTarget {
  readonly name: string
  /** How many evictions before the position it needs. @default 0 */
  readonly lookBack?: number
  evictKey(key: string, offset: number, terms: EvictionTerms): void
  evictTag(tag: string, offset: number): void
  evictPrefix(prefix: string, offset: number): void
  evictAll(offset: number): void
  /** A writer is about to write the keys at their source. */
  intends(keys: readonly string[], intent: Intent, offset: number): void
  /** What an intent announced has come to its end. */
  closes(id: string): void
  /**
   * The past was read again: every record of the last `spanMs` has been applied, also those before the last
   * resync. 0 where that could not be made sure.
   */
  remembers(spanMs: number): void
  /** Drops what an unacknowledged eviction may match, and keeps loads under way that it may match from being held. */
  dropPossiblyEvicted(held: MayMatch, loading?: (key: string) => boolean): void
  /** Drops every value: how much of their time has passed is unknown. */
  forgetAges(): void
  /** Drops every value; from now on nothing older than `horizon` can be judged. */
  reanchor(horizon: number): void
  /** Every eviction from `horizon` on has been read from the log again. */
  extend(horizon: number): void
}

/** A record that was applied, to be found again where the log does not tell its identity. */
export interface LastRecord {
  readonly offset: number
  readonly digest: string
}

/** What a token asks of a read of one partition. */
export interface TokenTerms {
  /** The position to have passed; 0 where nothing is asked. */
  readonly required: number
  /** The log that it is of, in short form; absent where the token names none. */
  readonly log: string | undefined
}

/** A record whose eviction has been applied. */
export interface AppliedRecord {
  readonly record: LogRecord
  readonly eviction: Eviction
  /** What its writer says of its trace. */
  readonly trace: unknown
}

/** A partition as it was when a long poll began. */
export interface LongPoll {
  readonly partition: Partition
  readonly generation: number
  readonly logId: string | undefined
  readonly position: number
  /** How many had joined. */
  readonly joined: number
}

/** What a long poll has brought and applied: all from the position on, up to `next`. */
export interface Ahead extends LongPoll {
  readonly next: number
  readonly applied: readonly AppliedRecord[]
}

/** How far the past was looked up, for so many reasons. */
export interface LookedBack {
  readonly reasons: number
  readonly failures: number
  /** Not again before this moment of the cache's clock. */
  readonly dueAt: number
}

/** Where a log ends, and which one it is, where it tells that. */
export interface LogEnd extends Partial<Omit<PartitionOffsets, 'end' | 'logId'>> {
  readonly end: number
  readonly logId?: string | undefined
}

export class Partition {
  readonly id: number
  readonly targets: Set<EvictionTarget> = new Set()
  /** How many have ever joined: one of them may have left since. */
  joined = 0
  /** The next offset to read: every eviction below it has been applied. */
  position = 0
  /** The highest end of the log known: sampled, or by an acknowledgement of our own. Never below `position`. */
  tail = 0
  #known = 0
  /** Whether the log was ever reached. Before that, nothing may be held. */
  hasPosition = false
  logId: string | undefined
  /** The last record applied, to be found again where the log does not tell its identity. */
  last: LastRecord | undefined
  /** What a long poll has brought, until a poll takes it. */
  ahead: Ahead | undefined
  /** When the poll began that proved `position`, on the cache's clock. */
  freshAt: number = -Infinity
  /** Which poll that was: polls of a cache are numbered in the order in which they begin. */
  provedBy = -1
  /** Records that could not be read, and when all was last dropped for them. */
  readonly unreadable: UnreadableRecords = new UnreadableRecords()
  /** Which poll has sampled the end last, where that could prove something, and the end. */
  #sampledBy = -1
  #sampledEnd = 0
  /** When the log's identity was last made sure of. */
  verifiedAt: number = -Infinity
  /** Counts resyncs: what was begun in one generation must not be kept in another. */
  generation = 0
  /** Counts the reasons to read the past: one that came up while it was read needs another reading. */
  lookBackReasons = 0
  /** What came of them, where a feature reads the past. */
  lookedBack: LookedBack | undefined
  /** Polls in a row that could read nothing at `position` though there is something. */
  stalls = 0

  constructor(id: number) {
    this.id = id
  }

  /** A namespace lives in it from now on: it has missed what was applied before. */
  join(target: EvictionTarget): void {
    this.targets.add(target)
    this.joined++
  }

  /**
   * The as-of of a load that begins now. Every eviction below it was acknowledged before, so the load sees what
   * those evictions announced, whether or not they have been read here (decision 3).
   */
  get asOf(): number {
    return Math.max(this.position, this.tail)
  }

  /**
   * The next offset that nothing is known of: every record below it has been read, or was written by this isolate and
   * follows what has been read without a gap (decision 55).
   */
  get known(): number {
    return Math.max(this.position, this.#known)
  }

  /** The log in short form, as tokens name it; `undefined` where it does not tell its identity. */
  get log(): string | undefined {
    return this.logId === undefined ? undefined : logMark(this.logId)
  }

  /** Whether every eviction before the token's position has been applied here. */
  hasApplied({ required, log }: TokenTerms): boolean {
    return this.position >= required && (required === 0 || this.#isOf(log))
  }

  /**
   * Whether a read with the token may have what is held. One of another log, or beyond the end, names nothing that could
   * still come: once a poll that began after the read has proved the partition, or only sampled that end, it is passed.
   *
   * @param next the number of the first poll that began after the read
   */
  hasPassed(demand: TokenTerms, next: number): boolean {
    if (this.hasApplied(demand)) return true
    if (!this.#isOf(demand.log)) return this.provedBy >= next
    return this.#sampledBy >= next && demand.required > this.#sampledEnd
  }

  /** The position that a load must have begun at or past, for a read with the token to share it. */
  joinsFrom(demand: TokenTerms, next: number): number {
    const { required, log } = demand
    if (!this.#isOf(log)) return this.provedBy >= next ? this.asOf : Number.MAX_SAFE_INTEGER
    return required > this.position && this.hasPassed(demand, next) ? 0 : required
  }

  /** Whether the log is known to reach as far as the token says. */
  isKnown({ required, log }: TokenTerms): boolean {
    return required === 0 || (required <= this.asOf && this.#isOf(log))
  }

  /** Whether the token may be of this log, as far as both say. */
  #isOf(log: string | undefined): boolean {
    return log === undefined || this.logId === undefined || log === this.log
  }

  /** A poll has learned where the log ends. */
  sampled(number: number, end: number): void {
    if (number <= this.#sampledBy) return
    this.#sampledBy = number
    this.#sampledEnd = end
  }

  /** A record of our own was applied ahead of the log. */
  wrote(offset: number): void {
    if (offset === this.known) this.#known = offset + 1
    this.reaches(offset + 1)
  }

  /** Whether the sampled bounds contradict what is known, given the position when they were asked for. */
  contradiction(
    bounds: PartitionOffsets,
    positionThen: number,
    maxRecords: number,
  ): ReanchorReason | undefined {
    if (!this.hasPosition) return 'start'
    if (bounds.logId !== undefined && this.logId !== undefined && bounds.logId !== this.logId)
      return 'replaced'
    if (bounds.end < positionThen) return 'rewound'
    if (bounds.beginning > this.position) return 'truncated'
    return bounds.end - this.position > maxRecords ? 'behind' : undefined
  }

  /** Starts again at the end of the log: everything is dropped, loads under way will not be kept. */
  reanchor(bounds: LogEnd): void {
    this.generation++
    for (const target of this.targets) target.reanchor(bounds.end)
    this.position = bounds.end
    this.tail = bounds.end
    this.#known = 0
    this.logId = bounds.logId
    this.last = undefined
    this.lookBackReasons++
    this.stalls = 0
    this.unprove()
    this.#sampledBy = -1
    this.verifiedAt = -Infinity
    this.hasPosition = true
  }

  /** Takes in bounds that contradict nothing. */
  samples(bounds: PartitionOffsets, tailThen: number): void {
    this.logId ??= bounds.logId
    // Where an acknowledged record is not in sight yet (`acks=1`), the end is what is in sight: a lower as-of is safe.
    this.tail = bounds.end < tailThen ? Math.max(this.position, bounds.end) : Math.max(this.tail, bounds.end)
    if (bounds.end < tailThen) this.#known = 0
    if (this.last !== undefined && this.last.offset < bounds.beginning) this.last = undefined
  }

  /** The clocks stepped back: drops the proof and all values, because their age is unknown. */
  forgetAges(): void {
    this.unprove()
    this.verifiedAt = -Infinity
    for (const target of this.targets) target.forgetAges()
  }

  /** Takes back the proof: what is known of the log contradicts itself. The next poll proves anew. */
  unprove(): void {
    this.freshAt = -Infinity
    this.provedBy = -1
  }

  /** Every eviction below `offset` is applied. */
  advance(offset: number): void {
    if (offset > this.position) this.stalls = 0
    this.position = Math.max(this.position, offset)
    this.reaches(offset)
  }

  /** Notes that the log reaches at least up to `end`. */
  reaches(end: number): void {
    this.tail = Math.max(this.tail, end)
  }
}
