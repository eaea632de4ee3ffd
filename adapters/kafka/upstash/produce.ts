/** Produce by `/produce`: keys and values are text. @module */
import type { Kafka } from '@upstash/kafka'
import type { NewRecord, Position } from '../../../src/ports/kafka-log.ts'
import { fields, listOf, nullish, number, promised, text } from '../../answer-shape.ts'
import { acknowledged } from '../rest/acknowledgement.ts'
import { toText } from './text.ts'

const produceAnswer = listOf(
  fields({
    partition: nullish(number),
    offset: nullish(number),
    error_code: nullish(number),
    error: nullish(text),
  }),
)

export async function produce(
  kafka: Kafka,
  topic: string,
  records: readonly NewRecord[],
  secrets: readonly string[],
): Promise<Position[]> {
  const entries = records.map((record) => entry(topic, record))
  const answer: unknown = await kafka.producer().produceMany(entries)
  const reports = promised(answer, produceAnswer, 'publishing').map(
    ({ partition, offset, error_code, error }) => ({ partition, offset, error_code, error }),
  )
  return acknowledged(reports, records.length, secrets)
}

/** Values are strings already: the package would write anything else as JSON. */
function entry(topic: string, { key, value, partition, headers }: NewRecord) {
  return {
    topic,
    value: value === null ? '' : toText(value),
    ...(key === null ? {} : { key: toText(key) }),
    ...(partition === undefined ? {} : { partition }),
    ...(headers
      ? { headers: Object.entries(headers).map(([name, said]) => ({ key: name, value: said })) }
      : {}),
  }
}
