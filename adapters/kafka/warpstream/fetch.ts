/** `POST /v1/kafka/fetch` of a WarpStream agent: Kafka's Fetch in JSON. @module */
import { KedgeError } from '../../../src/ports/errors.ts'
import type { LogRecord, Position } from '../../../src/ports/kafka-log.ts'
import { anything, fields, int, listOf, nullish, offsetShape, text } from '../../answer-shape.ts'
import { fromBase64 } from '../rest/base64.ts'
import { type Call, parsed } from '../rest/http.ts'
import { kafkaError, OFFSET_OUT_OF_RANGE } from '../rest/problem.ts'

interface Found {
  readonly offset: number
  readonly key: string | null | undefined
  readonly value: string | null | undefined
  readonly timestamp: unknown
}

/** Kafka writes -1 for an unknown value. */
interface PartitionAnswer {
  readonly partition: number
  readonly error_code: number | null | undefined
  readonly high_watermark: number | null | undefined
  readonly log_start_offset: number | null | undefined
  readonly records: readonly Found[] | null | undefined
}

const record = fields<Found>({
  offset: offsetShape,
  key: nullish(text),
  value: nullish(text),
  timestamp: anything,
})
const partitionAnswer = fields<PartitionAnswer>({
  partition: offsetShape,
  error_code: nullish(int),
  high_watermark: nullish(int),
  log_start_offset: nullish(int),
  records: nullish(listOf(record)),
})
const fetchAnswer = fields({
  topics: listOf(fields({ topic: text, partitions: nullish(listOf(partitionAnswer)) })),
})

/** One partition's answer. */
export interface Fetched {
  readonly partition: number
  /** Whether the position lies inside the log. */
  readonly inside: boolean
  /** Absent where the answer does not name it. */
  readonly beginning: number | undefined
  readonly end: number | undefined
  /** Ascending, none below the position. */
  readonly records: readonly LogRecord[]
}

/**
 * Fetches from every position, in one request.
 * @throws KedgeError for any code but "out of range", `ERR_PROTOCOL` where the answer is of something else
 */
export async function fetchFrom(
  { http, signal }: Call,
  topic: string,
  positions: readonly Position[],
  maxBytes: number,
  doing: string,
): Promise<Fetched[]> {
  const partitions = positions.map(({ partition, offset }) => ({
    partition,
    fetch_offset: offset,
    partition_max_bytes: maxBytes,
  }))
  const answer = await http.ask(
    {
      method: 'POST',
      path: '/v1/kafka/fetch',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ max_bytes: maxBytes, topics: [{ topic, partitions }] }),
    },
    signal,
    doing,
  )
  const found = parsed(answer, fetchAnswer, doing).topics.find((one) => one.topic === topic)
  return positions.map((position) => {
    const own = found?.partitions?.find(({ partition }) => partition === position.partition)
    if (own) return fetched(own, position, doing)
    throw new KedgeError('ERR_PROTOCOL', `${doing}: the answer leaves a partition out`, { retryable: true })
  })
}

function fetched(answer: PartitionAnswer, { partition, offset }: Position, doing: string) {
  const code = answer.error_code ?? 0
  if (code !== 0 && code !== OFFSET_OUT_OF_RANGE) throw kafkaError(code, doing)
  return {
    partition,
    inside: code === 0,
    beginning: told(answer.log_start_offset),
    end: told(answer.high_watermark),
    records: code === 0 ? ascending(answer.records ?? [], partition, offset, doing) : [],
  }
}

const told = (value: number | null | undefined): number | undefined =>
  typeof value === 'number' && value >= 0 ? value : undefined

function ascending(records: readonly Found[], partition: number, from: number, doing: string): LogRecord[] {
  let next = from
  return records.flatMap(({ offset, key, value, timestamp }) => {
    // Brokers serve whole batches, which may begin below the position.
    if (offset < next) return []
    next = offset + 1
    return [
      {
        partition,
        offset,
        key: bytes(key, doing),
        value: bytes(value, doing),
        ...(typeof timestamp === 'number' ? { timestamp } : {}),
      },
    ]
  })
}

function bytes(said: string | null | undefined, doing: string): Uint8Array | null {
  if (said === null || said === undefined) return null
  const decoded = fromBase64(said)
  if (decoded) return decoded
  throw new KedgeError('ERR_PROTOCOL', `${doing}: a key or a value is not base64`)
}
