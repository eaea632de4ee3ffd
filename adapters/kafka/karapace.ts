/**
 * Kafka over Karapace's REST proxy, which is Aiven's `kafka_rest`, too.
 *
 * - Produce in the binary format. Offsets by one stateless request.
 * - Reads by consumer instances (assign, poll, seek, never a group), without long polls.
 *
 * Made to exchanges recorded with version 5.0.3 (its protobuf parts replaced) and to what a later one was seen to do
 * with `max_bytes`; the rest of versions from 5.1 on was only read in the sources.
 *
 * @module
 */
import type { KafkaLog } from '../../src/ports/kafka-log.ts'
import { KARAPACE, refuseEmpty } from './karapace/dialect.ts'
import { instanceLog, type InstanceLogOptions } from './v2/instance-log.ts'
import { produceV2 } from './v2/produce.ts'

export type { Auth } from './rest/endpoint.ts'
export type { InstanceOptions } from './v2/instance-log.ts'

export type KarapaceOptions = InstanceLogOptions

/**
 * The log behind a Karapace REST proxy. See {@link KarapaceOptions}.
 *
 * - A tombstone or an empty value is refused (`ERR_UNSUPPORTED`): Karapace would write it,
 *   and acknowledge it with offset -1. Kedge writes none.
 * - Records carry no headers; an empty key or value reads as `null`.
 * - Set the proxy's `producer_acks` to `all` (its default is 1) and `producer_linger_ms` to 0 (default 100).
 * - An instance belongs to one `Authorization` header: a token that changes costs a new instance.
 * - Consumers of killed isolates stay in the proxy for ever, unless `consumer_idle_disconnect_timeout` is
 *   set.
 *
 * @throws TypeError where an option is wrong or unknown.
 * @example
 * ```ts
 * import { karapace } from 'kedge/adapters/karapace'
 *
 * declare const env: Record<'KAFKA_REST_USER' | 'KAFKA_REST_PASSWORD', string>
 *
 * const kafka = karapace({
 *   url: 'https://kafka-rest.example.com',
 *   auth: { username: env.KAFKA_REST_USER, password: env.KAFKA_REST_PASSWORD },
 * })
 * ```
 */
export function karapace(options: KarapaceOptions): KafkaLog {
  return instanceLog('karapace', options, KARAPACE, async (call, topic, records) => {
    refuseEmpty(records)
    return produceV2(call, topic, records)
  })
}
