/**
 * What a server tells the live page: `GET /ui/state` answers a {@link LiveState}, `GET /ui/events` sends one each second, and
 * {@link EvictionLine}s as they come. Server and page share these types. No value of a cache and no credential has a place
 * in them.
 *
 * @module
 */

/** What a viewer may do besides looking. */
export type Evicts =
  /** By `POST /evictions`. */
  | { readonly by: 'serve' }
  /** By a record in the topic. */
  | { readonly by: 'gateway'; readonly topic: string; readonly partitions: number }

export type Mood = 'good' | 'waiting' | 'bad'

/** The one answer of the page. */
export interface Verdict {
  readonly mood: Mood
  /** `Fresh`, `Not proved` */
  readonly says: string
  /** When that was made sure of: `proved`, 800 ms before the state was sampled. With `lasts`, since when it is so. */
  readonly since?: { readonly verb: string; readonly ageMs: number; readonly lasts?: true }
  /** What it means, in a sentence. */
  readonly because: string
}

export interface PartitionState {
  readonly partition: number
  /** The next offset that is read; absent where the process reads for others alone. */
  readonly position?: number
  readonly end: number
}

export interface TopicState {
  readonly topic: string
  /** At most {@link MAX_PARTITIONS}. */
  readonly partitions: readonly PartitionState[]
  /** How many partitions there are besides. */
  readonly more: number
}

/** Counters since the process began, and gauges of this moment. */
export interface CacheState {
  /** The age of the oldest proof; `null` before the first. */
  readonly proofAgeMs: number | null
  readonly maxStalenessMs: number
  readonly hits: number
  readonly misses: number
  readonly loads: number
  readonly fenced: number
  readonly refused: number
  readonly entries: number
  readonly bytes: number
  readonly evictions: number
  readonly polls: number
  readonly pollFailures: number
}

export interface Count {
  readonly name: string
  readonly count: number
}

export interface GatewayState {
  readonly log: 'memory' | 'kafka' | 'upstream'
  readonly cluster: string
  /** The ids of the brokers; absent for a log in memory, and until Kafka has named them. */
  readonly brokers?: readonly number[]
  readonly pollsWaiting: number
  readonly connections: number
  /** Loops of the shared tail; absent for a log in memory, which has none. */
  readonly tails?: number
  readonly tailHits: number
  readonly tailReads: number
  readonly receivedBytes: number
  readonly sentBytes: number
  /** Requests that were refused, by reason. */
  readonly refused: readonly Count[]
  readonly proofs: ProofsState
}

/** What the gateway has done as the tail that isolates ask for proofs of freshness. */
export interface ProofsState {
  readonly questions: number
  /** Looks at the ends of the log by which they were answered. */
  readonly samples: number
  /** Partitions that were asked about. */
  readonly places: number
}

export interface SyncState {
  readonly store: string
  /** As which the store knows the sync; absent for the applier of a tier. */
  readonly stream?: string
  readonly lagRecords: number
  /** How long the store has been behind; `null` where it was never level. */
  readonly lagMs: number | null
  /** On the way to the end that the topic had when reading began. */
  readonly rehydration?: {
    readonly records: number
    readonly total: number
    readonly perSecond: number
    /** `null` until it can be estimated. */
    readonly leftMs: number | null
  }
  /** Records that were read since the process began. */
  readonly records: number
  readonly counts: readonly Count[]
  /** The last records that could not be used: where they stand, and why, without what they say. */
  readonly lastUnusable: readonly { readonly at: string; readonly reason: string }[]
}

/** A worker of the tour. */
export interface IsolateState {
  readonly name: string
  readonly url: string
  readonly ready: boolean
  readonly ageMs: number | null
  readonly lag: number | null
}

/** The tour of `npm start`. */
export interface TourState {
  readonly isolates: readonly IsolateState[]
  readonly log: 'running' | 'stopped'
  readonly originReads: number
  /** The line to paste first. */
  readonly setup: string
  readonly chapters: readonly { readonly title: string; readonly lines: readonly string[] }[]
}

export interface LiveState {
  readonly service: string
  readonly version: string
  /** When it was sampled: milliseconds since the epoch, by the clock of the server. */
  readonly at: number
  readonly upMs: number
  readonly verdict: Verdict
  readonly topic?: TopicState
  readonly cache?: CacheState
  readonly gateway?: GatewayState
  readonly sync?: SyncState
  readonly tour?: TourState
  /** Absent where this viewer may evict nothing. */
  readonly evicts?: Evicts
  /** Whether evictions are shown to this viewer as they come. */
  readonly showsEvictions: boolean
}

/** An eviction, cut to what a line shows. */
export interface EvictionLine {
  /** When it was seen here: milliseconds since the epoch. */
  readonly at: number
  readonly partition: number
  readonly offset: number
  /** Absent: every namespace. */
  readonly namespace?: string
  readonly what: 'keys' | 'tags' | 'prefixes' | 'all' | 'unreadable' | 'intent'
  /** At most {@link MAX_NAMES}, each cut. */
  readonly names: readonly string[]
  /** How many there are besides. */
  readonly more: number
}

/** Evictions of one moment. */
export interface EvictionBatch {
  readonly lines: readonly EvictionLine[]
  /** How many came besides, too fast to be shown. */
  readonly skipped: number
}

export const MAX_PARTITIONS = 50
export const MAX_NAMES = 4
/** Lines that a batch has, and that the page is given when it begins. */
export const MAX_LINES = 50
