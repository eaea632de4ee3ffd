/**
 * What happens to a fleet, as data: its isolates, their calls with times, and the faults.
 *
 * A scenario says everything: running it twice gives the same trace. It is plain JSON, so that a part of it can be
 * left out to find what matters, and so that it can be pasted into a test.
 *
 * @module
 */
import type { FaultName } from './faults.ts'

/** How isolates reach Kafka. All but `memory` go through the product's adapter, by HTTP, to a proxy in this process. */
export type ProxyName =
  | 'memory'
  | 'redpanda'
  | 'strimzi'
  | 'karapace'
  | 'confluent'
  | 'upstash'
  | 'warpstream'

/** What an isolate may use, by the names of the features. */
export type FeatureName = 'sharedTier' | 'replicate' | 'writeIntents'

export interface Scenario {
  /** Of latencies, of the moment at which a load reads the row, of identities: all that is not given below. */
  readonly seed: number
  readonly world: WorldPlan
  readonly isolates: readonly IsolatePlan[]
  /** Ascending by `at`. */
  readonly steps: readonly Step[]
}

/** What isolates share. Durations in milliseconds. */
export interface WorldPlan {
  readonly proxy: ProxyName
  /** Whether the log has an identity (`memory` alone can do without). */
  readonly identity: boolean
  readonly evictionPartitions: number
  /** The longest that one way through the network takes, where no fault makes it longer. */
  readonly latencyMs: number
  /** Loaders read a replica that is behind the primary by at most this. Namespaces then have `settle` of as much. */
  readonly replicaLagMs: number
  /** The longest that the source takes to answer a load. */
  readonly loadMs: number
  /** Whether isolates share a tier, beside which a follower applies evictions. */
  readonly tier: boolean
  /** What every isolate promises. */
  readonly maxStalenessMs: number
  readonly ttlMs: number
  /** Tails that sample the log for its isolates. Only where the log has an identity. */
  readonly tail?: TailPlan
}

export interface TailPlan {
  /** Isolates are dealt over so many colos, and these over so many tails. */
  readonly colos: number
  readonly tails: number
  /** Whether the isolates of a colo share a store of proofs. */
  readonly store: boolean
  /** Whether a proof of the store has room for a record or two, and a segment is two: so that few evictions are many. */
  readonly small: boolean
  /** Whose clock ages are made of: the tail's own, or the one that the log tells. */
  readonly clock: 'own' | 'log'
  /** How long before the end of `maxStaleness` polls are due, in parts of it. */
  readonly refreshPart: number
}

/** One place for an isolate. When one is killed, the next takes its place, with the same plan and an empty cache. */
export interface IsolatePlan {
  /** As Workers do: no promise is shared between requests, and a request that is cancelled takes its I/O with it. */
  readonly isolatesRequests: boolean
  /** Its wall clock, ahead of the true time by this. */
  readonly skewMs: number
  /** Its features, in the order in which it is given them. */
  readonly use: readonly FeatureName[]
  /** The namespaces of a feature, by its own option `namespaces` (of `replicate`: `share`); all, where none are given. */
  readonly namespaces: Readonly<Partial<Record<FeatureName, readonly SpaceName[]>>>
  /** The features that a namespace is without, by its option. */
  readonly without: Readonly<Partial<Record<SpaceName, readonly FeatureName[]>>>
  /** Where it uses `replicate`: whether it follows the updates topic, and whether it shares. */
  readonly follow: boolean
  readonly share: boolean
  readonly onUnreachable: 'stale' | 'bypass' | 'throw'
  readonly maxOutageMs: number
  readonly swrMs: number
  readonly staleIfErrorMs: number
  readonly timeoutMs: number | undefined
  readonly hardTimeoutMs: number
  readonly pollTimeoutMs: number
  readonly maxEntries: number
  readonly maxBytes: number
  readonly maxRememberedEvictions: number
  readonly maxCatchUpRecords: number
  readonly maxPollBytes: number
  /** Of the tier, and of intents. */
  readonly lookBack: number
  /** How long a write may take, where writes are announced. The same for all isolates of a scenario that use intents. */
  readonly intentsMs: number
  readonly announceExpiry: boolean
  /** Values from here are never held up by compression: everything larger than this is gzipped. */
  readonly gzipAboveBytes: number
  /** Follows the log by long polls from its start on. */
  readonly follows: boolean
}

/** Namespaces of a scenario. */
export type SpaceName =
  /** Rows of the source. */
  | 'rows'
  /** Rows as well, with keys of the same names: a write of one must not touch the other. */
  | 'others'
  /** Values whose truth is the log. */
  | 'sets'

export type ReadHow = 'getOrSet' | 'get' | 'peek' | 'getMany' | 'getOrSetMany'
export type WriteHow =
  /** Commit, then evict the key. */
  | 'delete'
  /** The same, with the version of the row. */
  | 'deleteVersion'
  | 'tags'
  | 'prefix'
  | 'clear'
  | 'clearAll'
  /** `set`, in `sets`. */
  | 'set'
  /** Commit, then `set` with the version of the row. */
  | 'setVersion'
  /** `writeThrough`: announced where its namespace has intents. */
  | 'writeThrough'
  /** Commit, then a simple message `{ "key": … }` of a service that does not use kedge. */
  | 'foreign'

export type Step = ReadStep | WriteStep | FaultStep

export interface ReadStep {
  /** Milliseconds of true time since the beginning. */
  readonly at: number
  readonly do: 'read'
  /** Index in `isolates`. */
  readonly isolate: number
  readonly space: SpaceName
  readonly key: string
  readonly how: ReadHow
  /** With the token of the last write of this key that was acknowledged. */
  readonly after?: boolean
  /** Outside any request: by the cache itself. */
  readonly bare?: boolean
}

export interface WriteStep {
  readonly at: number
  readonly do: 'write'
  readonly isolate: number
  readonly space: SpaceName
  readonly key: string
  readonly how: WriteHow
  /** Between commit and eviction, in milliseconds. */
  readonly pauseMs: number
}

/** A fault. `faults.ts` says what the numbers mean for each class. */
export interface FaultStep {
  readonly at: number
  readonly do: 'fault'
  readonly fault: FaultName
  /** Which isolate, or whose connection; all where absent. */
  readonly isolate?: number
  /** How long it lasts. */
  readonly forMs?: number
  /** How often, how many, how far, or with which probability in percent. */
  readonly amount?: number
}
