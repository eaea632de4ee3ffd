/**
 * Kafka over Redpanda's HTTP Proxy: stateless reads by offset, with long polls.
 *
 * Made to the sources (`src/v/pandaproxy`) and the exchanges in their tests; no proxy was run.
 *
 * @module
 */
import type { Options } from '../../src/api/option-check.ts'
import type { KafkaLog } from '../../src/ports/kafka-log.ts'
import { endpoint, type EndpointOptions } from './rest/endpoint.ts'
import { http } from './rest/http.ts'
import { restLog } from './rest/rest-log.ts'
import { check, restShape, transportLimits, type TransportOptions } from '../options.ts'
import { truth } from '../option-tests.ts'
import { SearchedOffsets } from './redpanda/offsets.ts'
import { produce } from './redpanda/produce.ts'
import { readStateless } from './v2/stateless.ts'

export type { Auth } from './rest/endpoint.ts'

export interface RedpandaOptions extends EndpointOptions, TransportOptions {
  /**
   * Whether `offsets` may write a record where the log cannot be found otherwise: a heartbeat, which says nothing to
   * any cache. Without it, `offsets` rejects with `ERR_UNSUPPORTED` once retention has taken offset 0, unless this
   * log has seen or written something before.
   * @default true
   */
  readonly marker?: boolean
}

const shape: Options = {
  ...restShape,
  marker: truth,
}

/**
 * The log behind a Redpanda HTTP Proxy. See {@link RedpandaOptions}.
 *
 * The proxy has no offsets, and an empty answer proves nothing. But it refuses an offset outside of the log,
 * and that proves the end: where it refuses one offset and answers the offset before it, that earlier one is
 * the end. `offsets` takes three small requests for a partition while nothing changes, two of them at once.
 *
 * Reads are uncommitted. Control records of transactions at the very end of a partition are invisible: the position
 * cannot pass them until another record follows.
 *
 * @throws TypeError where an option is wrong or unknown.
 * @example
 * ```ts
 * import { redpanda } from 'kedge/adapters/redpanda'
 *
 * declare const env: Record<'REDPANDA_USER' | 'REDPANDA_PASSWORD', string>
 *
 * const kafka = redpanda({
 *   url: 'https://pandaproxy.example.com:30082',
 *   auth: { username: env.REDPANDA_USER, password: env.REDPANDA_PASSWORD },
 * })
 * ```
 */
export function redpanda(options: RedpandaOptions): KafkaLog {
  check(shape, options, 'redpanda')
  const limits = transportLimits(options)
  const searched = new SearchedOffsets(options.marker ?? true)

  return restLog({
    limits,
    http: http(endpoint(options), limits),
    capabilities: { identity: false, longPoll: true, readCommitted: false },
    async append(call, topic, records) {
      const positions = await produce(call, topic, records)
      searched.learn(topic, positions)
      return positions
    },
    bounds: (call, topic, partitions) => searched.of(call, topic, partitions),
    fetch: (call, topic, positions, how) =>
      readStateless(call, topic, positions, { ...how, isolation: 'uncommitted' }),
  })
}
