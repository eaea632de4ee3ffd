/** The records of a fetch: without markers, aborted transactions, and records below the position. @module */
import { Buffer } from 'node:buffer'
import { IS_CONTROL, IS_TRANSACTIONAL } from '@platformatic/kafka'
import type { ClusterRecord } from '../cluster.ts'
import type { TopicPosition } from '../topic-position.ts'
import { bytesOf } from '../partition-reader.ts'
import { batchesOf } from './batches.ts'
import { UnreadableBatchError } from './decompress.ts'
import type { Batch } from './batches.ts'
import type { FetchedPartition } from './fetch.ts'
import type { UnreadableBatch } from './types.ts'
import type { KafkaRecord } from './record-reader.ts'

export type { UnreadableBatch } from './types.ts'

export interface Slice {
  readonly records: readonly ClusterRecord[]
  /** Of keys, values and headers. */
  readonly bytes: number
  readonly next: number
}

export interface SliceOptions {
  /** The first record is taken whatever its size. */
  readonly maxBytes: number
  /** What one compressed batch may inflate to. */
  readonly maxBatchBytes: number
  /** Called with an unreadable batch, each time that a read meets it. */
  readonly onUnreadable?: ((batch: UnreadableBatch) => void) | undefined
}

/** Bit 3 of a batch's attributes: the broker's clock counts (`message.timestamp.type=LogAppendTime`). */
const IS_LOG_APPEND_TIME = 1 << 3
/** The type in the key of a control record. */
const ABORT = 0
/** Records of one slice: small ones inflate to many. */
const MAX_RECORDS = 50_000
/** Neither UTF-8 nor MessagePack, which never begins a value with this byte. */
const UNREADABLE = Uint8Array.of(0xc1)

/**
 * The records from the position on, until `maxBytes` are reached.
 *
 * Kafka answers with whole batches, so records below the position come with it, and only the last offset of a
 * batch shows gaps (compaction, markers).
 *
 * In place of an unreadable batch it returns one record at the batch's last offset, without a key and with a
 * value that no codec reads (its header `kedge-unreadable` says why). A cache that follows evictions evicts
 * everything for it, and reads on after it. To leave the batch out would hide evictions; to fail would hide
 * all evictions after it.
 */
export function sliceOf(
  position: TopicPosition,
  { batches, abortedTransactions, highWatermark }: FetchedPartition,
  { maxBytes, maxBatchBytes, onUnreadable }: SliceOptions,
): Slice {
  const aborted = new AbortedTransactions(abortedTransactions ?? [])
  const records: ClusterRecord[] = []
  let bytes = 0
  let next = position.offset
  for (const batch of batchesOf(batches)) {
    const last = lastOf(batch, next, Number(highWatermark))
    if (last < next) continue
    let own: readonly ClusterRecord[]
    try {
      if (batch.broken !== undefined) throw new UnreadableBatchError(batch.broken)
      own = aborted.shows(batch, last)
        ? recordsOf(position, next, batch, maxBytes - bytes, maxBatchBytes)
        : []
    } catch (error) {
      if (!(error instanceof UnreadableBatchError)) throw error
      onUnreadable?.({ ...placeOf(position), from: next, offset: last, reason: error.message })
      own = [unreadable(position, last, batch, error.message)]
    }
    for (const record of own) {
      const size = bytesOf(record)
      const isFull = records.length > 0 && (bytes + size > maxBytes || records.length >= MAX_RECORDS)
      if (isFull) return { records, bytes, next: record.offset }
      records.push(record)
      bytes += size
      next = record.offset + 1
    }
    next = Math.max(next, last + 1)
  }
  return { records, bytes, next }
}

/**
 * The last offset of a batch. That of a broken batch is limited to the range from `next` to the end of the
 * log. The reader may then skip records, but they lie below the record that evicts everything.
 */
function lastOf({ first, last, broken }: Batch, next: number, end: number): number {
  if (broken === undefined) return last
  return last >= Math.max(first, next) && last < end ? last : Math.max(first, next)
}

/** From `from` on: what fits, and one more that does not. */
function recordsOf(
  position: TopicPosition,
  from: number,
  batch: Batch,
  maxBytes: number,
  maxBatchBytes: number,
): ClusterRecord[] {
  const records: ClusterRecord[] = []
  let bytes = 0
  for (const record of batch.records(maxBatchBytes)) {
    const offset = batch.first + record.offsetDelta
    if (offset < from) continue
    if (offset > batch.last) throw new UnreadableBatchError('A record lies outside of its batch.')
    const own = recordOf(position, offset, batch, record)
    records.push(own)
    if (bytes > maxBytes || records.length > MAX_RECORDS) break
    bytes += bytesOf(own)
  }
  return records
}

function unreadable(
  position: TopicPosition,
  offset: number,
  { maxTimestamp }: Batch,
  reason: string,
): ClusterRecord {
  return {
    ...placeOf(position),
    offset,
    timestamp: Math.max(0, maxTimestamp),
    key: null,
    value: UNREADABLE,
    headers: [{ name: 'kedge-unreadable', value: Buffer.from(reason) }],
  }
}

const placeOf = ({ topic, partition }: TopicPosition) => ({ topic, partition })

/**
 * Which batches belong to transactions that were aborted, as Kafka's own consumer finds out (`CompletedFetch`): the
 * broker names them by producer and first offset, and the abort marker ends each.
 */
class AbortedTransactions {
  readonly #coming: { readonly producerId: bigint; readonly firstOffset: bigint }[]
  readonly #open = new Set<bigint>()

  constructor(transactions: readonly { readonly producerId: bigint; readonly firstOffset: bigint }[]) {
    this.#coming = transactions.toSorted((a, b) => Number(a.firstOffset - b.firstOffset))
  }

  /** @throws UnreadableBatchError */
  shows(batch: Batch, last: number): boolean {
    while (this.#coming[0] && this.#coming[0].firstOffset <= last) {
      this.#open.add(this.#coming.shift()!.producerId)
    }
    if ((batch.attributes & IS_CONTROL) !== 0) {
      // A marker is small, and never compressed.
      const [marker] = batch.records(0)
      const key = marker?.key
      if (key && key.length >= 4 && key.readInt16BE(2) === ABORT) this.#open.delete(batch.producerId)
      return false
    }
    return (batch.attributes & IS_TRANSACTIONAL) === 0 || !this.#open.has(batch.producerId)
  }
}

function recordOf(
  position: TopicPosition,
  offset: number,
  batch: Batch,
  { key, value, headers, timestampDelta }: KafkaRecord,
): ClusterRecord {
  const byBroker = (batch.attributes & IS_LOG_APPEND_TIME) !== 0
  return {
    ...placeOf(position),
    offset,
    timestamp: byBroker ? batch.maxTimestamp : batch.firstTimestamp + timestampDelta,
    key: ownBytes(key),
    value: ownBytes(value),
    headers: headers.map(([name, content]) => ({ name: name.toString('utf8'), value: ownBytes(content) })),
  }
}

/** A copy: a caller that keeps a record must not keep the whole answer in memory. */
const ownBytes = (bytes: Buffer | null): Uint8Array | null => bytes && new Uint8Array(bytes)
