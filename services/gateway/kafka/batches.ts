/**
 * Record batches of format 2 (Kafka 0.11 and newer): their heads, and the records in them.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import { crc32c } from '@platformatic/kafka'
import { decompress } from './decompress.ts'
import { RecordReader } from './record-reader.ts'
import type { KafkaRecord } from './record-reader.ts'

export interface Batch {
  readonly first: number
  /** The offset of its last record; it stays when compaction has removed that one. */
  readonly last: number
  readonly attributes: number
  readonly producerId: bigint
  readonly firstTimestamp: number
  readonly maxTimestamp: number
  /** Why no field of its head counts, `last` included; `undefined` for a sound batch. */
  readonly broken: string | undefined
  /** @throws UnreadableBatchError where the batch is damaged, and where it inflates beyond `maxBytes`. */
  records(maxBytes: number): Iterable<KafkaRecord>
}

/** Where the fields of a batch are, in bytes from its beginning. */
const LENGTH = 8
/** What goes before what `LENGTH` counts. */
const BEFORE = 12
const MAGIC = 16
const CRC = 17
const ATTRIBUTES = 21
const LAST_DELTA = 23
const FIRST_TIMESTAMP = 27
const MAX_TIMESTAMP = 35
const PRODUCER_ID = 43
const COUNT = 57
const RECORDS = 61
/** The lowest three bits. */
const COMPRESSION = 0b111
/** The only format that is read. */
const FORMAT = 2

/** The batches that are complete. */
export function* batchesOf(bytes: Buffer): Generator<Batch, void, undefined> {
  for (let at = 0; at + RECORDS <= bytes.length;) {
    const end = at + BEFORE + bytes.readInt32BE(at + LENGTH)
    if (end > bytes.length) return
    // An impossible length ends the walk: the place of the next batch is unknown then.
    const isLong = end >= at + RECORDS
    yield batchOf(bytes.subarray(at, isLong ? end : at + RECORDS), isLong)
    if (!isLong) return
    at = end
  }
}

function batchOf(bytes: Buffer, isLong: boolean): Batch {
  const first = Number(bytes.readBigInt64BE(0))
  const attributes = bytes.readInt16BE(ATTRIBUTES)
  return {
    first,
    last: first + bytes.readInt32BE(LAST_DELTA),
    attributes,
    producerId: bytes.readBigInt64BE(PRODUCER_ID),
    firstTimestamp: Number(bytes.readBigInt64BE(FIRST_TIMESTAMP)),
    maxTimestamp: Number(bytes.readBigInt64BE(MAX_TIMESTAMP)),
    broken: isLong ? faultOf(bytes) : 'It is shorter than its head.',
    *records(maxBytes) {
      const count = bytes.readInt32BE(COUNT)
      if (count === 0) return
      const codec = attributes & COMPRESSION
      const plain = bytes.subarray(RECORDS)
      const reader = new RecordReader(codec === 0 ? plain : decompress(codec, plain, maxBytes))
      for (let read = 0; read < count; read++) yield reader.next()
    },
  }
}

function faultOf(bytes: Buffer): string | undefined {
  const magic = bytes.readInt8(MAGIC)
  if (magic !== FORMAT) return `It is of format ${magic}.`
  // Brokers check it when a batch is written, not when it is read.
  return crc32c(bytes.subarray(ATTRIBUTES)) === bytes.readUInt32BE(CRC) ? undefined : 'Its checksum is wrong.'
}
