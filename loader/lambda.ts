/**
 * Requests as Lambda hands them over: events of a Kafka trigger (Amazon MSK, or a cluster of one's own).
 *
 * @module
 */
import * as z from 'zod'

const event = z.object({
  // By topic and partition: `{ "cache-requests-0": [{ "value": "base64" }] }` (AWS Lambda, "Kafka event source").
  records: z.record(z.string(), z.array(z.object({ value: z.string().nullish() }).loose())),
})

/**
 * The values of all records of the event, for `load()`. What is no such event has none.
 *
 * @example
 * ```ts
 * import { createLoader, recordsOfLambda } from 'kedge/loader'
 * import { confluent } from 'kedge/adapters/confluent'
 *
 * const loader = createLoader({
 *   kafka: confluent({ url: 'http://localhost:8082' }),
 *   loaders: { users: async (ids) => new Map(ids.map((id) => [id, { name: `user ${id}` }])) },
 * })
 * export const handler = async (event: unknown) => loader.load(recordsOfLambda(event))
 * ```
 */
export function recordsOfLambda(given: unknown): Uint8Array[] {
  const read = event.safeParse(given)
  if (!read.success) return []
  return Object.values(read.data.records)
    .flat()
    .flatMap(({ value }) => (typeof value === 'string' ? [bytesOf(value)] : []))
}

function bytesOf(base64: string): Uint8Array {
  try {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
  } catch {
    // Not base64: it is counted as a request that cannot be read.
    return new Uint8Array()
  }
}
