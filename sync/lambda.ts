/**
 * AWS Lambda's event source for Kafka: its events as records, and which of them failed as its answer.
 *
 * Shapes: AWS Lambda Developer Guide, "Using Lambda with Apache Kafka" and "Partial batch response".
 *
 * @module
 */
import * as z from 'zod'
import { fromBase64 } from '../adapters/base64.ts'
import { KedgeError } from '../src/errors.ts'
import type { LogRecord } from '../src/log.ts'
import type { Applied } from './applied.ts'

/** The answer for `ReportBatchItemFailures`. */
export interface PartialBatchResponse {
  readonly batchItemFailures: readonly {
    /** `partition` as in the event: the topic, `-`, the number. */
    readonly itemIdentifier: { readonly partition: string; readonly offset: number }
  }[]
}

const bytes = z
  .string()
  .transform(
    (text, context) =>
      fromBase64(text) ?? (context.addIssue({ code: 'custom', message: 'is not base64' }), z.NEVER),
  )
  .nullish()
  .transform((value) => value ?? null)

const shape = z.object({
  records: z.record(
    z.string(),
    z.array(
      z.object({
        topic: z.string(),
        partition: z.int().nonnegative(),
        offset: z.int().nonnegative(),
        timestamp: z.number().optional(),
        key: bytes,
        value: bytes,
      }),
    ),
  ),
})

/**
 * The records of one topic in an event.
 *
 * @throws KedgeError `ERR_PROTOCOL` when it is no event of Kafka's.
 * @example
 * ```ts
 * import { createSync, kafkaEventRecords, partialBatchResponse } from 'kedge/sync'
 * import { memory, memorySink } from 'kedge/testing'
 *
 * const sync = createSync({ kafka: memory(), topic: 'orders', sink: memorySink(), key: 'order:{key}' })
 *
 * export const handler = async (event: unknown) =>
 *   partialBatchResponse('orders', await sync.apply(kafkaEventRecords(event, 'orders')))
 * ```
 */
export function kafkaEventRecords(event: unknown, topic: string): LogRecord[] {
  const parsed = shape.safeParse(event)
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!
    throw new KedgeError(
      'ERR_PROTOCOL',
      `this is no Kafka event of Lambda: ${path.slice(2).join('.') || 'records'} ${message}`,
    )
  }
  return Object.values(parsed.data.records)
    .flat()
    .filter((record) => record.topic === topic)
    .map(({ partition, offset, timestamp, key, value }) => ({
      partition,
      offset,
      key,
      value,
      ...(timestamp !== undefined && { timestamp }),
    }))
}

/** What failed, in Lambda's own words: it gives those records, and the ones after them, again. */
export const partialBatchResponse = (topic: string, { failed }: Applied): PartialBatchResponse => ({
  batchItemFailures: failed.map(({ partition, offset }) => ({
    itemIdentifier: { partition: `${topic}-${partition}`, offset },
  })),
})
