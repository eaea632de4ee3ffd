/**
 * Kafka over Confluent's REST Proxy (v2, v3), Confluent Cloud (v3 produce), and the kedge gateway.
 *
 * - Produce by v2, or by v3 where configured: Confluent Cloud has nothing else.
 * - Offsets by v2: one stateless request, the whole of a poll while nothing changes.
 * - Reads by v2 consumer instances (assign and seek, never a group), or stateless from the gateway.
 *
 * Confluent Cloud's REST cannot read: point `read` at a proxy or a gateway of your own in front of it.
 * Strimzi's bridge, Karapace and Redpanda speak dialects of v2 and have adapters of their own. The gateway stands in
 * front of any of their clusters.
 *
 * @module
 */
import type { KafkaLog } from '../../src/ports/kafka-log.ts'
import { transportLimits } from '../options.ts'
import { GatewayReads } from './confluent/gateway-reads.ts'
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
 * The log behind a Confluent REST Proxy, Confluent Cloud or the kedge gateway. See {@link ConfluentOptions}.
 *
 * Reads over consumer instances are uncommitted and cannot long-poll. Control records of transactions at the very
 * end of a partition are invisible to them; the gateway has neither limit.
 *
 * @throws TypeError where an option is wrong or unknown.
 * @example
 * ```ts
 * import { confluent } from 'kedge/adapters/confluent'
 *
 * declare const env: Record<'USER_SECRET' | 'API_KEY' | 'API_SECRET' | 'GATEWAY_TOKEN', string>
 *
 * const proxy = confluent({
 *   url: 'https://rest-proxy.internal:8082',
 *   auth: { username: 'edge', password: env.USER_SECRET },
 * })
 *
 * // Confluent Cloud, which only takes records; they are read from a gateway beside it.
 * const cloud = confluent({
 *   produce: {
 *     url: 'https://pkc-4r000.eu-west-1.aws.confluent.cloud/kafka',
 *     api: 'v3',
 *     clusterId: 'lkc-1',
 *     auth: { username: env.API_KEY, password: env.API_SECRET },
 *   },
 *   read: { url: 'https://gateway.example.com', auth: { token: env.GATEWAY_TOKEN } },
 *   gateway: true,
 * })
 * ```
 */
export function confluent(options: ConfluentOptions): KafkaLog {
  checkConfluent(options)
  const limits = transportLimits(options)
  const { gateway = false } = options
  const reading = http(endpoint(endpointOf(options, 'read')), limits)
  // Made in any case: it refuses a wrong `instanceIdle`.
  const instances = instanceReader(reading, CONFLUENT, limits, options)
  const records = gateway ? new GatewayReads() : instances

  return restLog({
    limits,
    http: reading,
    producer: http(endpoint(endpointOf(options, 'produce')), limits),
    capabilities: { identity: gateway, longPoll: gateway, readCommitted: gateway },
    append: appender(options.produce ?? {}),
    async bounds(call, topic, partitions) {
      const bounds = await boundsOf(call, topic, partitions ?? (await partitionsOf(call, topic)))
      records.hint(topic, bounds)
      return bounds
    },
    fetch: (call, topic, positions, how) =>
      records.read(call, topic, positions, gateway ? how : { ...how, waitMs: 0 }),
    close: () => records.close(),
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
