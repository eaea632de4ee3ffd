/**
 * Kafka's Fetch, with the batches as they arrived: one unreadable batch must not spoil the whole answer, and
 * the gateway inflates only batches that it reads.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import {
  createAPI,
  fetchV12,
  fetchV13,
  fetchV14,
  fetchV15,
  fetchV16,
  fetchV17,
  type Reader,
} from '@platformatic/kafka'
import type { API } from '@platformatic/kafka'

export interface FetchedPartition {
  readonly partitionIndex: number
  readonly errorCode: number
  /** -1 where there is an error. */
  readonly highWatermark: bigint
  /** -1 where there is an error. */
  readonly logStartOffset: bigint
  readonly abortedTransactions:
    | readonly { readonly producerId: bigint; readonly firstOffset: bigint }[]
    | null
  /** Batches one after the other; the last of them may be cut off. */
  readonly batches: Buffer
}

export interface FetchAnswer {
  readonly errorCode: number
  readonly responses: readonly {
    /** Below {@link FETCH_BY_ID} its name. */
    readonly topicId: string
    readonly partitions: readonly FetchedPartition[]
  }[]
}

export type FetchTopic = fetchV17.FetchRequestTopic

/** From this version on a fetch names topics by id (Kafka 3.1, KIP-516). */
export const FETCH_BY_ID = 13

const FETCH_KEY = 1
const NOTHING = Buffer.alloc(0)

/** Newest first. */
export const FETCH: readonly API<fetchV17.FetchRequest, FetchAnswer>[] = [
  api(17, fetchV17.createRequest),
  api(16, fetchV16.createRequest),
  api(15, fetchV15.createRequest),
  api(14, fetchV14.createRequest),
  api(FETCH_BY_ID, fetchV13.createRequest),
  api(12, fetchV12.createRequest),
]

function api(
  version: number,
  createRequest: typeof fetchV17.createRequest,
): API<fetchV17.FetchRequest, FetchAnswer> {
  return createAPI(FETCH_KEY, version, createRequest, (_correlation, _key, spoken, reader) =>
    answerOf(reader, spoken),
  )
}

function answerOf(reader: Reader, version: number): FetchAnswer {
  // For how long the broker throttled the answer.
  reader.readInt32()
  const errorCode = reader.readInt16()
  // The fetch session, which is not used.
  reader.readInt32()
  const responses = reader.readArray((topic) => ({
    topicId: version >= FETCH_BY_ID ? topic.readUUID() : topic.readString(),
    partitions: topic.readArray(partitionOf, true, false),
  }))
  return { errorCode, responses }
}

function partitionOf(reader: Reader): FetchedPartition {
  const partitionIndex = reader.readInt32()
  const errorCode = reader.readInt16()
  const highWatermark = reader.readInt64()
  // The last stable offset: an answer to a committed read has no records beyond it.
  reader.readInt64()
  const logStartOffset = reader.readInt64()
  const abortedTransactions = reader.readNullableArray((transaction) => ({
    producerId: transaction.readInt64(),
    firstOffset: transaction.readInt64(),
  }))
  // The preferred read replica, which is not used.
  reader.readInt32()
  // The length is one more than the number of bytes; 0 is null.
  const length = Math.max(0, reader.readUnsignedVarInt() - 1)
  const batches = length === 0 ? NOTHING : reader.buffer.slice(reader.position, reader.position + length)
  reader.skip(length)
  reader.readTaggedFields()
  return { partitionIndex, errorCode, highWatermark, logStartOffset, abortedTransactions, batches }
}
