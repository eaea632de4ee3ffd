/** What a fetch brought, as records: without markers, without what was aborted, without what was not asked for. @module */
import { Buffer } from 'node:buffer'
import { IS_CONTROL, IS_TRANSACTIONAL } from '@platformatic/kafka'
import type { KafkaRecord, RecordsBatch } from '@platformatic/kafka'
import type { ClusterRecord, TopicPosition } from '../cluster.ts'
import type { FetchedPartition } from './apis.ts'

export interface Slice {
  readonly records: readonly ClusterRecord[]
  /** Of keys, values and headers. */
  readonly bytes: number
  readonly next: number
}

/** Bit 3 of a batch's attributes: the broker's clock counts (`message.timestamp.type=LogAppendTime`). */
const IS_LOG_APPEND_TIME = 1 << 3
/** The type in the key of a control record. */
const ABORT = 0

/**
 * The records from the position on, until `maxBytes` are reached: the first is taken whatever its size.
 *
 * Kafka answers with whole batches, so records below the position come with it, and gaps (compaction, markers) are
 * told only by the last offset of a batch.
 */
export function sliceOf(
  position: TopicPosition,
  { records: batches, abortedTransactions }: FetchedPartition,
  maxBytes: number,
): Slice {
  const aborted = new AbortedTransactions(abortedTransactions ?? [])
  const records: ClusterRecord[] = []
  let bytes = 0
  let next = position.offset
  for (const batch of batches ?? []) {
    const first = Number(batch.firstOffset)
    const last = first + batch.lastOffsetDelta
    const shown = aborted.shows(batch, last)
    for (const record of shown ? batch.records : []) {
      const offset = first + record.offsetDelta
      if (offset < position.offset) continue
      const size = sizeOf(record)
      if (records.length > 0 && bytes + size > maxBytes) return { records, bytes, next: offset }
      records.push(recordOf(position, offset, batch, record))
      bytes += size
      next = offset + 1
    }
    next = Math.max(next, last + 1)
  }
  return { records, bytes, next }
}

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

  shows(batch: RecordsBatch, last: number): boolean {
    while (this.#coming[0] && this.#coming[0].firstOffset <= last) {
      this.#open.add(this.#coming.shift()!.producerId)
    }
    if ((batch.attributes & IS_CONTROL) !== 0) {
      const key = batch.records[0]?.key
      if (key && key.length >= 4 && key.readInt16BE(2) === ABORT) this.#open.delete(batch.producerId)
      return false
    }
    return (batch.attributes & IS_TRANSACTIONAL) === 0 || !this.#open.has(batch.producerId)
  }
}

function sizeOf({ key, value, headers }: KafkaRecord): number {
  let size = (key?.length ?? 0) + (value?.length ?? 0)
  for (const [name, content] of headers) size += (name?.length ?? 0) + (content?.length ?? 0)
  return size
}

function recordOf(
  { topic, partition }: TopicPosition,
  offset: number,
  batch: RecordsBatch,
  { key, value, headers, timestampDelta }: KafkaRecord,
): ClusterRecord {
  const byBroker = (batch.attributes & IS_LOG_APPEND_TIME) !== 0
  return {
    topic,
    partition,
    offset,
    timestamp: Number(byBroker ? batch.maxTimestamp : batch.firstTimestamp + timestampDelta),
    key: ownBytes(key),
    value: ownBytes(value),
    headers: headers.map(([name, content]) => ({
      name: Buffer.from(name ?? []).toString('utf8'),
      value: ownBytes(content),
    })),
  }
}

/** A copy: who keeps a record must not keep the whole answer that it came in. */
const ownBytes = (bytes: Buffer | null): Uint8Array | null => bytes && new Uint8Array(bytes)
