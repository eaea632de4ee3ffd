/**
 * Kafka over the kedge gateway: stateless reads that wait and name their log. The gateway holds nothing for a reader.
 *
 * @module
 */
import type { Options } from '../../src/api/option-check.ts'
import type { KafkaLog } from '../../src/ports/kafka-log.ts'
import { check, restShape, transportLimits, type TransportOptions } from '../options.ts'
import { GatewayReads } from './gateway/reads.ts'
import { endpoint, type EndpointOptions } from './rest/endpoint.ts'
import { http } from './rest/http.ts'
import { restLog } from './rest/rest-log.ts'
import { type Writer, writer as writerOption } from './rest/writer.ts'
import { boundsOf, partitionsOf } from './v2/offsets.ts'
import { produceV2 } from './v2/produce.ts'

export type { Auth } from './rest/endpoint.ts'
export type { Writer } from './rest/writer.ts'

export interface GatewayOptions extends EndpointOptions, TransportOptions {
  /**
   * The log that takes the records, where the gateway is only read: Confluent Cloud's own REST, for example. It is
   * closed with this one.
   * @default the gateway takes them
   */
  readonly produce?: Writer
}

const shape: Options = {
  ...restShape,
  produce: writerOption,
}

/**
 * The log behind `kedge gateway`. See {@link GatewayOptions}.
 *
 * A poll that finds nothing is one request, and reads wait for what comes. Offsets carry the log's identity, and each later read names
 * that log, so no cache on the way can answer with the records of another one.
 *
 * @throws TypeError where an option is wrong or unknown.
 * @example
 * ```ts
 * import { gateway } from 'kedge/adapters/gateway'
 *
 * declare const env: Record<'KAFKA_REST_URL' | 'GATEWAY_TOKEN', string>
 *
 * const kafka = gateway({ url: env.KAFKA_REST_URL, auth: { token: env.GATEWAY_TOKEN } })
 * ```
 */
export function gateway(options: GatewayOptions): KafkaLog {
  check(shape, options, 'gateway')
  const limits = transportLimits(options)
  const reads = new GatewayReads()
  const { produce: writer } = options
  const log = restLog({
    limits,
    http: http(endpoint(options), limits),
    capabilities: { identity: true, longPoll: true, readCommitted: true },
    append: produceV2,
    async bounds(call, topic, partitions) {
      const bounds = await boundsOf(call, topic, partitions ?? (await partitionsOf(call, topic)))
      reads.hint(topic, bounds)
      return bounds
    },
    fetch: (call, topic, positions, how) => reads.read(call, topic, positions, how),
    close: async () => writer?.close?.(),
  })
  // The writer has a deadline of its own.
  return writer ? { ...log, produce: (topic, records, call) => writer.produce(topic, records, call) } : log
}
