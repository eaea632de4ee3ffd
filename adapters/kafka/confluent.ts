/**
 * Kafka over Confluent's REST Proxy (v2, v3), and Confluent Cloud (v3 produce).
 *
 * - Produce by v2, or by v3 where configured: Confluent Cloud has nothing else.
 * - Offsets by v2: one stateless request, the whole of a poll while nothing changes.
 * - Reads by v2 consumer instances (assign and seek, never a group).
 *
 * Confluent Cloud's REST cannot read: give this log to `gateway({ url, produce })`, or point `read` at a proxy of your own
 * in front of it. Strimzi's bridge, Karapace and Redpanda speak dialects of v2 and have adapters of their own.
 *
 * @module
 */
import type { KafkaLog } from '../../src/ports/kafka-log.ts'
import { transportLimits } from '../options.ts'
import {
  checkConfluent,
  type ConfluentOptions,
  endpointOf,
  type ProduceOptions,
} from './confluent/options.ts'
import { discoverCluster, produceV3 } from './confluent/produce-v3.ts'
import { endpoint } from './rest/endpoint.ts'
import { http } from './rest/http.ts'
import { type RestDialect, restLog } from './rest/rest-log.ts'
import { CONFLUENT } from './v2/dialect.ts'
import { instanceReader } from './v2/instance-log.ts'
import { boundsOf, partitionsOf } from './v2/offsets.ts'
import { produceV2 } from './v2/produce.ts'

export type { ConfluentOptions, ProduceOptions } from './confluent/options.ts'
export type { Auth, EndpointOptions } from './rest/endpoint.ts'
export type { InstanceOptions } from './v2/instance-log.ts'

/**
 * The log behind a Confluent REST Proxy, or Confluent Cloud. See {@link ConfluentOptions}.
 *
 * Reads over consumer instances are uncommitted and cannot long-poll. Control records of transactions at the very
 * end of a partition are invisible to them; the gateway, which has an adapter of its own, has neither limit.
 *
 * @throws TypeError where an option is wrong or unknown.
 * @example
 * ```ts
 * import { confluent } from 'kedge/adapters/confluent'
 * import { gateway } from 'kedge/adapters/gateway'
 *
 * declare const env: Record<'USER_SECRET' | 'API_KEY' | 'API_SECRET' | 'GATEWAY_TOKEN', string>
 *
 * const proxy = confluent({
 *   url: 'https://rest-proxy.internal:8082',
 *   auth: { username: 'edge', password: env.USER_SECRET },
 * })
 *
 * // Confluent Cloud, which only takes records; they are read from a gateway beside it.
 * const cloud = gateway({
 *   url: 'https://gateway.example.com',
 *   auth: { token: env.GATEWAY_TOKEN },
 *   produce: confluent({
 *     url: 'https://pkc-4r000.eu-west-1.aws.confluent.cloud/kafka',
 *     auth: { username: env.API_KEY, password: env.API_SECRET },
 *     produce: { api: 'v3', clusterId: 'lkc-1' },
 *   }),
 * })
 * ```
 */
export function confluent(options: ConfluentOptions): KafkaLog {
  checkConfluent(options)
  const limits = transportLimits(options)
  const reading = http(endpoint(endpointOf(options, 'read')), limits)
  const instances = instanceReader(reading, CONFLUENT, limits, options)

  return restLog({
    limits,
    http: reading,
    producer: http(endpoint(endpointOf(options, 'produce')), limits),
    capabilities: { identity: false, longPoll: false, readCommitted: false },
    append: appender(options.produce ?? {}),
    async bounds(call, topic, partitions) {
      const bounds = await boundsOf(call, topic, partitions ?? (await partitionsOf(call, topic)))
      instances.hint(topic, bounds)
      return bounds
    },
    fetch: (call, topic, positions, how) => instances.read(call, topic, positions, { ...how, waitMs: 0 }),
    close: () => instances.close(),
  })
}

function appender({ api = 'v2', clusterId }: ProduceOptions): RestDialect['append'] {
  if (api === 'v2') return produceV2
  // The value is kept, not the promise: requests of a Worker cannot share one.
  let cluster = clusterId
  return async (call, topic, records) => {
    cluster ??= await discoverCluster(call)
    return produceV3(call, cluster, topic, records)
  }
}
