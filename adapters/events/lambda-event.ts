/**
 * AWS Lambda's event source for Kafka, Amazon MSK or a cluster of one's own: its events as records.
 *
 * Shape: AWS Lambda Developer Guide, "Using Lambda with Apache Kafka". A record without a key or a value has `null`
 * there, or nothing (aws-powertools/powertools-lambda-typescript, issue 4988).
 *
 * @module
 */
import * as z from 'zod/mini'
import { issueMessage } from '../../src/api/issue-message.ts'
import { KedgeError } from '../../src/ports/errors.ts'
import type { LogRecord } from '../../src/ports/kafka-log.ts'
import { eventBytes } from './event-bytes.ts'
import { listOf } from '../kafka/rest/validation.ts'

const shape = z.object({
  records: z.record(
    z.string(),
    listOf(
      z.object({
        topic: z.string(),
        partition: z.int().check(z.nonnegative()),
        offset: z.int().check(z.nonnegative()),
        timestamp: z.optional(z.number()),
        key: eventBytes,
        value: eventBytes,
      }),
    ),
  ),
})

/**
 * The records of an event, of one topic or of all.
 *
 * @throws KedgeError `ERR_PROTOCOL` when it is no event of Kafka's.
 * @example
 * ```ts
 * import { createPersister, kafkaEventRecords } from 'kedge/persister'
 * import { memory } from 'kedge/testing'
 *
 * const persister = createPersister({ kafka: memory(), stores: { orders: async () => undefined } })
 *
 * export const handler = async (event: unknown) => persister.apply(kafkaEventRecords(event, 'cache-writes'))
 * ```
 */
export function kafkaEventRecords(event: unknown, topic?: string): LogRecord[] {
  const parsed = shape.safeParse(event, { error: issueMessage })
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!
    throw new KedgeError(
      'ERR_PROTOCOL',
      `this is not a Kafka event of Lambda: ${path.slice(2).join('.') || 'records'} ${message}`,
    )
  }
  return Object.values(parsed.data.records)
    .flat()
    .filter((record) => topic === undefined || record.topic === topic)
    .map(({ partition, offset, timestamp, key, value }) => ({
      partition,
      offset,
      key,
      value,
      ...(timestamp !== undefined && { timestamp }),
    }))
}
