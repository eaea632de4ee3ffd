/**
 * The port of the gateway: what it needs of a Kafka cluster, without a word of any protocol.
 *
 * Methods reject with a `Refusal`: `forbidden`, `unknown-topic`, `unknown-partition`, `too-large`, `unavailable`, and
 * `unsupported` for what this cluster cannot do; an aborted read with `signal.reason`.
 *
 * @module
 */
import type { Groups } from './groups.ts'
import type { Refusal } from './refusal.ts'
import type { TopicPartition, TopicPosition } from './topic-position.ts'

export interface Header {
  readonly name: string
  readonly value: Uint8Array | null
}

export interface TopicDescription {
  readonly name: string
  /** Kafka's topic id; absent where the cluster does not tell it. */
  readonly id?: string | undefined
  /** Partitions are numbered from 0 up to this, exclusive. */
  readonly partitions: number
}

export interface RecordToAppend {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  /** Chosen by the cluster from the key when absent. */
  readonly partition?: number | undefined
  /** Milliseconds since the epoch; the cluster's clock when absent. */
  readonly timestamp?: number | undefined
  readonly headers?: readonly Header[] | undefined
}

/** The result of appending one record. */
export type Appended =
  | {
      readonly partition: number
      readonly offset: number
      /** Absent where the cluster does not tell it. */
      readonly timestamp?: number | undefined
      readonly refusal?: undefined
    }
  | { readonly refusal: Refusal }

export interface ClusterRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Milliseconds since the epoch; absent where the cluster does not tell it. */
  readonly timestamp?: number | undefined
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly Header[]
}

export interface PartitionBounds {
  readonly beginning: number
  readonly end: number
  /** Kafka's topic id, or with `isLineage` a name that stands for it. */
  readonly logId: string
  /**
   * The cluster does not tell the topic's id: `logId` is a name of its own, which another gateway on the same cluster does not
   * have. It serves within this process and for shared proofs; the REST protocols do not tell it. @default false
   */
  readonly isLineage?: boolean | undefined
  /**
   * The leader's epoch, where it is known: ends of one epoch never go back. A new leader's fetch may return
   * an end below what was acknowledged (KIP-207), until that leader has answered a request for its offsets.
   */
  readonly leaderEpoch?: number | undefined
}

export interface ClusterReadOptions {
  /** A soft bound in bytes of keys, values and headers: the first record is returned whatever its size. */
  readonly maxBytes: number
  /** How long to wait for a first record, in milliseconds. */
  readonly waitMs: number
  /** Whether records of open and aborted transactions are left out. @default 'uncommitted' */
  readonly isolation?: 'uncommitted' | 'committed' | undefined
  readonly signal?: AbortSignal | undefined
}

export interface ClusterRead {
  /** Ascending by offset within each partition. */
  readonly records: readonly ClusterRecord[]
  /** For each position asked for, where to go on: past gaps and transaction markers. */
  readonly next: readonly TopicPosition[]
  readonly outOfRange: readonly TopicPartition[]
  /**
   * For each requested position, the bounds that came with the records, of the same log; absent where the
   * cluster does not return them, or cannot be sure of them. They are no proof of freshness by themselves:
   * see `leaderEpoch`.
   */
  readonly bounds?: readonly (PartitionBounds | undefined)[]
}

export interface Cluster {
  readonly id: string
  /** Absent where the cluster has no consumer groups: subscribe and commit are then refused. */
  readonly groups?: Groups | undefined
  topics(): Promise<readonly TopicDescription[]>
  /**
   * `undefined` for a topic that is not there. May create it, as a broker with `auto.create.topics.enable` does when
   * it is asked for a topic's metadata.
   */
  describe(topic: string): Promise<TopicDescription | undefined>
  create(topic: string, partitions: number | undefined): Promise<TopicDescription>
  remove(topic: string): Promise<void>
  /** One result for each record, in the order given: a refused record does not refuse the others. */
  append(topic: string, records: readonly RecordToAppend[]): Promise<readonly Appended[]>
  /** The bounds of a partition, sampled after the call began. */
  offsets(topic: string, partition: number): Promise<PartitionBounds>
  /** The first offset whose record is not older than `timestamp`; the end when there is none. */
  offsetAt(topic: string, partition: number, timestamp: number): Promise<number>
  /** Reads from explicit positions. */
  read(positions: readonly TopicPosition[], options: ClusterReadOptions): Promise<ClusterRead>
}
