/** Produce by `/produce`: keys and values are text. @module */
import type { Kafka } from '@upstash/kafka'
import * as z from 'zod/mini'
import { once } from '../../../src/runtime/once.ts'
import { KedgeError } from '../../../src/ports/errors.ts'
import type { NewRecord, Position } from '../../../src/ports/kafka-log.ts'
import { acknowledged } from '../rest/acknowledgement.ts'
import { listOf } from '../rest/validation.ts'
import { toText } from './text.ts'

const produceAnswer = once(() =>
  listOf(
    z.object({
      partition: z.nullish(z.number()),
      offset: z.nullish(z.number()),
      error_code: z.nullish(z.number()),
      error: z.nullish(z.string()),
    }),
  ),
)

export async function produce(
  kafka: Kafka,
  topic: string,
  records: readonly NewRecord[],
  secrets: readonly string[],
): Promise<Position[]> {
  const entries = records.map((record) => entry(topic, record))
  const reports = produceAnswer().safeParse(await kafka.producer().produceMany(entries))
  if (reports.success) return acknowledged(reports.data, records.length, secrets)
  throw new KedgeError('ERR_PROTOCOL', 'publishing: the answer is not what the protocol promises')
}

/** Values are strings already: the package would write anything else as JSON. */
function entry(topic: string, { key, value, partition, headers }: NewRecord) {
  return {
    topic,
    value: value === null ? '' : toText(value),
    ...(key === null ? {} : { key: toText(key) }),
    ...(partition === undefined ? {} : { partition }),
    ...(headers
      ? { headers: Object.entries(headers).map(([name, text]) => ({ key: name, value: text })) }
      : {}),
  }
}
