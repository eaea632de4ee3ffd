/**
 * Kafka over Strimzi's HTTP bridge.
 *
 * - Produce in the binary format, with headers. Offsets by one stateless request.
 * - Reads by consumer instances (assign and seek, never a group), with long polls that wake.
 *
 * Made to exchanges recorded with version 0.33.1; versions from 1.0 on, and `isolation.level` in any version, were
 * only read in the sources.
 *
 * @module
 */
import type { KafkaLog } from '../../src/ports/kafka-log.ts'
import { entry, STRIMZI } from './strimzi/dialect.ts'
import { instanceLog, type InstanceLogOptions } from './v2/instance-log.ts'
import { produceV2 } from './v2/produce.ts'

export type { Auth } from './rest/endpoint.ts'
export type { InstanceOptions } from './v2/instance-log.ts'

export type StrimziOptions = InstanceLogOptions

/**
 * The log behind a Strimzi bridge. See {@link StrimziOptions}.
 *
 * - The bridge cannot write a tombstone: an empty value is written for `null`.
 * - It answers with as much as its consumer fetched at once (Kafka's `max.partition.fetch.bytes`), whatever
 *   `maxBytes` says; the bound is `maxResponseBytes`.
 * - The bridge refuses a produce to a missing topic only after its `max.block.ms`, a minute by default: the
 *   call rejects before that, after `requestTimeout`.
 * - Consumers of killed isolates stay in the bridge for ever, unless its `http.timeoutSeconds` is set.
 * - The bridge asks for no credentials: `auth` and `headers` are for a gateway in front of it.
 *
 * @throws TypeError where an option is wrong or unknown.
 * @example
 * ```ts
 * import { strimzi } from 'kedge/adapters/strimzi'
 *
 * const kafka = strimzi({ url: 'https://bridge.example.com', headers: { 'x-gateway-key': 'k-1' } })
 * ```
 */
export function strimzi(options: StrimziOptions): KafkaLog {
  return instanceLog('strimzi', options, STRIMZI, (call, topic, records) =>
    produceV2(call, topic, records, entry),
  )
}
