/**
 * Reads of one partition with the bounds of the very log that the records are from.
 *
 * @module
 */
import type { Cluster, ClusterReadOptions, ClusterRecord, PartitionBounds, TopicPosition } from './cluster.ts'

/** Somebody who may go away while waiting, as a response of Node does. */
interface Leaving {
  once(event: 'close', listener: () => void): unknown
}

export interface PartitionReadOptions extends ClusterReadOptions {
  /** Who waits, where a `signal` for each would cost more than all else: who is gone is given nothing. */
  readonly leaving?: Leaving | undefined
  /** Ends the wait as if its time were over. One signal for all, heard by readers that `endWaits`. */
  readonly stopping?: AbortSignal | undefined
  /**
   * Kafka's topic id, where the position is only of use in that log: in another it is out of range, at once. What is
   * held of that log is served without asking whether the topic is it still: whoever needs that asks for offsets.
   */
  readonly logId?: string | undefined
}

export interface PartitionRead {
  readonly records: readonly ClusterRecord[]
  /** Where to go on. */
  readonly next: number
  readonly outOfRange: boolean
  /** Of the log that the records are from. */
  readonly bounds: PartitionBounds
  /**
   * Whether the bounds were sampled after the call began. Where they were not, they are older: the records are from a
   * window of that very log, and asking the cluster for its bounds would only have kept them back.
   */
  readonly sampled: boolean
  /**
   * What lies from the position to `next` is of the log that `bounds` names, and only retention or compaction can
   * change it: it ends before an end that was known before it was read, and fills at least half of what was asked for.
   * (One that does not was ended by something else, an open transaction; it is true, but not worth keeping.)
   */
  readonly settled: boolean
}

export interface PartitionReader {
  /** Whether `leaving` and `stopping` are heeded: then neither needs an `AbortController` for each wait. */
  readonly endsWaits?: boolean
  readPartition(position: TopicPosition, options: PartitionReadOptions): Promise<PartitionRead>
}

/**
 * A reader over any cluster. The bounds are sampled before and after the read: a name of the log that is the same in
 * both is that of the log in between, since Kafka gives no topic id twice.
 */
export function partitionReader(cluster: Cluster | (Cluster & PartitionReader)): PartitionReader {
  if ('readPartition' in cluster) return cluster
  return {
    readPartition: async (position, options) => {
      const { topic, partition, offset } = position
      const { logId, ...rest } = options
      const before = await cluster.offsets(topic, partition)
      if (logId !== undefined && logId !== before.logId) return outside(offset, before)
      const read = await cluster.read([position], rest)
      const bounds = await cluster.offsets(topic, partition)
      const next = read.next[0]?.offset ?? offset
      const sure = bounds.logId === before.logId
      return {
        records: read.records,
        next,
        outOfRange: read.outOfRange.length > 0,
        bounds,
        sampled: true,
        settled: sure && isSettled(read.records, offset, next, before.end, options.maxBytes),
      }
    },
  }
}

export const outside = (offset: number, bounds: PartitionBounds): PartitionRead => ({
  records: [],
  next: offset,
  outOfRange: true,
  bounds,
  sampled: true,
  settled: false,
})

/** `end` was known before the records were read. */
export function isSettled(
  records: readonly ClusterRecord[],
  offset: number,
  next: number,
  end: number,
  maxBytes: number,
): boolean {
  if (next <= offset || next >= end) return false
  return records.reduce((bytes, record) => bytes + bytesOf(record), 0) * 2 >= maxBytes
}

/** Bytes of a record's key, value and headers: what `maxBytes` counts. */
export function bytesOf({ key, value, headers }: ClusterRecord): number {
  let bytes = (key?.length ?? 0) + (value?.length ?? 0)
  for (const header of headers) bytes += header.name.length + (header.value?.length ?? 0)
  return bytes
}
