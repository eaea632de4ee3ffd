/**
 * Requests in the events of Lambda's Kafka trigger.
 *
 * @module
 */
import { kafkaEventRecords } from '../../adapters/events/lambda-event.ts'

/**
 * The values of all records of the event, for `load()`.
 *
 * @throws KedgeError `ERR_PROTOCOL` when it is no event of Kafka's.
 * @example
 * ```ts
 * import { createLoader, recordsOfLambda } from 'kedge/loader'
 * import { gateway } from 'kedge/adapters/gateway'
 *
 * const loader = createLoader({
 *   kafka: gateway({ url: 'http://localhost:8082' }),
 *   loaders: { users: async (ids) => new Map(ids.map((id) => [id, { name: `user ${id}` }])) },
 * })
 * export const handler = async (event: unknown) => loader.load(recordsOfLambda(event))
 * ```
 */
export const recordsOfLambda = (event: unknown): Uint8Array[] =>
  kafkaEventRecords(event).flatMap(({ value }) => value ?? [])
