/**
 * Reads of one partition with the bounds of the very log that the records are from.
 *
 * @module
 */
import type { Cluster, ClusterReadOptions, ClusterRecord, PartitionBounds } from './cluster.ts'
import type { TopicPosition } from './topic-position.ts'

/** Who reads, where a promise for each read costs too much: one of the two is called, once. Neither may throw. */
export interface ReadCaller {
  answer(read: PartitionRead): void
  refuse(error: unknown): void
}

/** A read that has begun. */
export interface StartedRead {
  /** Its caller is gone: a wait ends at once, and finds nothing. May be called again, and after the answer. */
  leave(): void
}

export interface PartitionReadOptions extends ClusterReadOptions {
  /** Ends the wait as if its time were over. One signal for all, heard by readers that `startRead`. */
  readonly stopping?: AbortSignal | undefined
  /**
   * Kafka's topic id, where the position counts only in that log: in another it is out of range, at once. The
   * reader serves records that it holds of that log without asking whether the topic still has it: a client
   * that needs to know asks for offsets.
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
   * window of the same log, and a question to the cluster for its bounds would only have delayed them.
   */
  readonly sampled: boolean
  /**
   * The records from the position to `next` are of the log that `bounds` names, and only retention or
   * compaction can change them: they end before an end that was known before the read, and fill at least half
   * of the requested size. (A shorter answer was ended by something else, such as an open transaction; a
   * cache gains little by keeping it.)
   */
  readonly settled: boolean
}

export type StartRead = (
  position: TopicPosition,
  options: Omit<PartitionReadOptions, 'signal'>,
  caller: ReadCaller,
) => StartedRead

export interface PartitionReader {
  /**
   * The same without a promise, or an `AbortController`, for each of thousands that wait; heeds `stopping`, and no `signal`.
   * The caller may have its answer before this returns.
   */
  readonly startRead?: StartRead
  readPartition(position: TopicPosition, options: PartitionReadOptions): Promise<PartitionRead>
}

/**
 * A reader over any cluster. It samples the bounds before and after the read: where both name the same log,
 * the records are of that log, since Kafka gives no topic id twice.
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
