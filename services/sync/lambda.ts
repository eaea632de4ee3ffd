/**
 * AWS Lambda's event source for Kafka: the answer that names the failed records.
 *
 * Shape: AWS Lambda Developer Guide, "Partial batch response".
 *
 * @module
 */
import type { Applied } from './external-consumer.ts'

/** The answer for `ReportBatchItemFailures`. */
export interface PartialBatchResponse {
  readonly batchItemFailures: readonly {
    /** `partition` as in the event: the topic, `-`, the number. */
    readonly itemIdentifier: { readonly partition: string; readonly offset: number }
  }[]
}

/**
 * The failed records, in the shape that Lambda reads: it delivers them and the ones after them again.
 *
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
export const partialBatchResponse = (topic: string, { failed }: Applied): PartialBatchResponse => ({
  batchItemFailures: failed.map(({ partition, offset }) => ({
    itemIdentifier: { partition: `${topic}-${partition}`, offset },
  })),
})
