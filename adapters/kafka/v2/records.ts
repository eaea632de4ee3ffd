/** The records of an answer in the binary format, checked. @module */
import { KedgeError } from '../../../src/ports/errors.ts'
import type { LogRecord, Position } from '../../../src/ports/kafka-log.ts'
import { anything, fields, listOf, nullish, number, offsetShape, optional, text } from '../../answer-shape.ts'
import { fromBase64 } from '../rest/base64.ts'
import { saidHeaders } from '../rest/headers.ts'
import { type HttpAnswer, parsed } from '../rest/http.ts'

// Karapace and Strimzi add a timestamp, Strimzi headers where there are any. Whether a topic is named depends on the proxy.
const recordsAnswer = listOf(
  fields({
    topic: optional(text),
    partition: offsetShape,
    offset: offsetShape,
    key: nullish(text),
    value: nullish(text),
    timestamp: nullish(number),
    headers: anything,
  }),
)

/**
 * The records of the answer that were asked for, ascending by offset within each partition.
 *
 * Records below the position are dropped: a proxy serves whole batches, or replays after a reset. A record of
 * another topic or partition means that the answer belongs to another request.
 *
 * @throws KedgeError `ERR_PROTOCOL`
 */
export function readRecords(
  answer: HttpAnswer,
  topic: string,
  positions: readonly Position[],
): { records: LogRecord[]; dropped: number } {
  const reached = new Map(positions.map(({ partition, offset }) => [partition, offset]))
  const raw = parsed(answer, recordsAnswer, 'reading records')
  const records: LogRecord[] = []
  for (const { key, value, timestamp, headers, ...record } of raw) {
    const next = reached.get(record.partition)
    if (next === undefined || (record.topic !== undefined && record.topic !== topic)) {
      throw new KedgeError('ERR_PROTOCOL', 'reading records: the answer is of a partition not asked for')
    }
    if (record.offset < next) continue
    reached.set(record.partition, record.offset + 1)
    records.push({
      partition: record.partition,
      offset: record.offset,
      key: bytes(key),
      value: bytes(value),
      ...(typeof timestamp === 'number' ? { timestamp } : {}),
      ...saidHeaders(headers, fromBase64),
    })
  }
  return { records, dropped: raw.length - records.length }
}

function bytes(said: string | null | undefined): Uint8Array | null {
  if (said === null || said === undefined) return null
  const decoded = fromBase64(said)
  if (decoded) return decoded
  throw new KedgeError('ERR_PROTOCOL', 'reading records: the answer is not in the binary format')
}
