/** Reads by `/fetch`: stateless, but silent about positions outside of the log. @module */
import type { Kafka } from '@upstash/kafka'
import { anything, fields, listOf, nullish, number, offsetShape, promised, text } from '../../answer-shape.ts'
import { KedgeError } from '../../../src/ports/errors.ts'
import type { LogRecord, Position, ReadOptions, ReadResult } from '../../../src/ports/kafka-log.ts'
import { advance, hasGap, outside } from '../rest/positions.ts'
import { encodeUtf8 } from '../../../src/wire/codec.ts'
import { saidHeaders } from '../rest/headers.ts'
import { boundsOf } from './offsets.ts'
import { fromText } from './text.ts'
import { OutOfRange } from './transport.ts'

interface Message {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number | null | undefined
  readonly key: string | null | undefined
  readonly value: string | null | undefined
  readonly headers: unknown
}

const fetchAnswer = listOf(
  fields<Message>({
    topic: text,
    partition: offsetShape,
    offset: offsetShape,
    timestamp: nullish(number),
    key: nullish(text),
    value: nullish(text),
    headers: anything,
  }),
)

export async function readRecords(
  kafka: Kafka,
  topic: string,
  positions: readonly Position[],
  { maxBytes, waitMs }: ReadOptions,
): Promise<ReadResult> {
  const found = await fetchRecords(kafka, topic, positions, waitMs)
  const quiet = positions.filter(({ partition }) => !found.some((record) => record.partition === partition))
  // Upstash documents no answer to a fetch outside of the log: the bounds explain an empty one or a gap.
  const doubtful = quiet.length > 0 || hasGap(positions, found)
  const partitions = positions.map(({ partition }) => partition)
  const outOfRange = doubtful ? outside(positions, await boundsOf(kafka, topic, partitions)) : []
  const records = within(
    maxBytes,
    found.filter(({ partition }) => !outOfRange.includes(partition)),
  )
  return { records, next: advance(positions, records), outOfRange }
}

async function fetchRecords(
  kafka: Kafka,
  topic: string,
  positions: readonly Position[],
  waitMs: number,
): Promise<LogRecord[]> {
  const topicPartitionOffsets = positions.map((position) => ({ topic, ...position }))
  let answer: unknown
  try {
    // Not in parallel: that would be one request for each partition.
    answer = await kafka
      .consumer()
      .fetch({ topicPartitionOffsets, timeout: Math.ceil(waitMs) }, { parallel: false })
  } catch (error) {
    if (error instanceof OutOfRange) return []
    throw error
  }
  return ascending(topic, positions, promised(answer, fetchAnswer, 'reading records'))
}

function ascending(topic: string, positions: readonly Position[], messages: readonly Message[]): LogRecord[] {
  const reached = new Map(positions.map(({ partition, offset }) => [partition, offset]))
  return messages.flatMap(({ topic: of, partition, offset, key, value, timestamp, headers }) => {
    const next = reached.get(partition)
    if (next === undefined || of !== topic) {
      throw new KedgeError('ERR_PROTOCOL', 'reading records: the answer is of a partition not asked for')
    }
    if (offset < next) return []
    reached.set(partition, offset + 1)
    // An empty key stands for none: the protocol cannot say null.
    const said = saidHeaders(headers, encodeUtf8)
    const record = { partition, offset, key: key ? fromText(key) : null, value: bytes(value), ...said }
    return typeof timestamp === 'number' ? [{ ...record, timestamp }] : [record]
  })
}

const bytes = (said: string | null | undefined): Uint8Array | null =>
  said === null || said === undefined ? null : fromText(said)

/** As many as fit, and one at least: the protocol cannot bound an answer. */
function within(maxBytes: number, records: readonly LogRecord[]): LogRecord[] {
  let bytesLeft = maxBytes
  const cut = records.findIndex(({ key, value }, at) => {
    bytesLeft -= (key?.length ?? 0) + (value?.length ?? 0)
    return bytesLeft < 0 && at > 0
  })
  return cut === -1 ? [...records] : records.slice(0, cut)
}
