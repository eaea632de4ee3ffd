/** Produce as Redpanda's HTTP Proxy has it. @module */
import { isRefused, KedgeError } from '../../../src/ports/errors.ts'
import type { NewRecord, Position } from '../../../src/ports/kafka-log.ts'
import { fields, int, listOf, nullish, offsetShape } from '../../answer-shape.ts'
import { notWritten } from '../rest/acknowledgement.ts'
import { toBase64 } from '../rest/base64.ts'
import { type Call, parsed, segment } from '../rest/http.ts'
import { kafkaError } from '../rest/problem.ts'
import { V2, V2_BINARY } from '../v2/media-types.ts'

const produceAnswer = fields({
  offsets: listOf(fields({ partition: offsetShape, offset: nullish(int), error_code: nullish(int) })),
})

/**
 * Appends the records in order. The answer has one entry for each partition, the offset of its first record,
 * so the proxy must not choose the partition of more than one record in a request: records without one go one
 * by one.
 */
export async function produce(call: Call, topic: string, records: readonly NewRecord[]): Promise<Position[]> {
  const positions: Position[] = []
  try {
    for (const run of runs(records)) positions.push(...(await append(call, topic, run)))
  } catch (error) {
    if (positions.length === 0 || !isRefused(error)) throw error
    throw notWritten([error as KedgeError], records.length)
  }
  return positions
}

function runs(records: readonly NewRecord[]): NewRecord[][] {
  const all: NewRecord[][] = []
  let open = false
  for (const record of records) {
    const chosen = record.partition !== undefined
    if (chosen && open) all.at(-1)?.push(record)
    else all.push([record])
    open = chosen
  }
  return all
}

async function append(
  { http, signal }: Call,
  topic: string,
  records: readonly NewRecord[],
): Promise<Position[]> {
  const answer = await http.ask(
    {
      method: 'POST',
      path: `/topics/${segment(topic)}`,
      headers: { 'content-type': V2_BINARY, accept: V2 },
      body: JSON.stringify({ records: records.map(entry) }),
    },
    signal,
    'publishing',
  )
  const reports = parsed(answer, produceAnswer, 'publishing').offsets
  // HTTP 200 with one of Kafka's own codes inside.
  const failures = reports.flatMap(({ error_code: code }) =>
    typeof code === 'number' && code !== 0 ? [kafkaError(code, 'writing a record')] : [],
  )
  if (failures.length > 0) throw notWritten(failures, reports.length)
  const places = reports.flatMap(({ partition, offset }) =>
    typeof offset === 'number' && offset >= 0 ? [{ partition, offset }] : [],
  )
  const isPerPartition = new Set(places.map(({ partition }) => partition)).size === places.length
  // The gateway and Confluent's proxy answer with one offset for each record.
  if (!isPerPartition && places.length === records.length) return places
  return count(isPerPartition ? places : [], records)
}

/** The place of each record, given that of the first one in each partition. */
function count(first: readonly Position[], records: readonly NewRecord[]): Position[] {
  const next = new Map(first.map(({ partition, offset }) => [partition, offset]))
  const [only] = next.keys()
  return records.map(({ partition: named }) => {
    const partition = named ?? only
    const offset = partition === undefined ? undefined : next.get(partition)
    if (partition === undefined || offset === undefined) {
      throw new KedgeError('ERR_PUBLISH', 'the proxy did not acknowledge a record', { retryable: true })
    }
    next.set(partition, offset + 1)
    return { partition, offset }
  })
}

/** Redpanda answers 422 to any other field and to a null: the entry of a tombstone has no value. */
const entry = ({ key, value, partition }: NewRecord) => ({
  ...(key === null ? {} : { key: toBase64(key) }),
  ...(value === null ? {} : { value: toBase64(value) }),
  ...(partition === undefined ? {} : { partition }),
})
