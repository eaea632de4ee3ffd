/**
 * Kafka over Redpanda's HTTP Proxy: stateless reads by offset, with long polls.
 *
 * Made to the sources (`src/v/pandaproxy`) and the exchanges in their tests; no proxy was run.
 *
 * @module
 */
import * as z from 'zod'
import type { KafkaLog } from '../../src/ports/kafka-log.ts'
import { publishError } from './rest/acknowledgement.ts'
import { fitting } from './rest/answer-size.ts'
import { answeredWithin } from '../deadline.ts'
import { endpoint, type EndpointOptions } from './rest/endpoint.ts'
import { http } from './rest/http.ts'
import {
  authShape,
  check,
  headersShape,
  transportLimits,
  type TransportOptions,
  transportShape,
  urlShape,
} from '../options.ts'
import { SoundedOffsets } from './redpanda/offsets.ts'
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

const shape = z.strictObject(
  {
    url: urlShape,
    auth: authShape.optional(),
    headers: headersShape.optional(),
    ...transportShape,
    marker: z.boolean({ error: 'must be true or false' }).optional(),
  },
  { error: 'must be an object' },
)

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
  const { timeoutMs, maxResponseBytes } = limits
  const to = http(endpoint(options), limits)
  const sounded = new SoundedOffsets(options.marker ?? true)

  return {
    capabilities: { identity: false, longPoll: true, readCommitted: false },

    async produce(topic, records, { signal } = {}) {
      signal?.throwIfAborted()
      if (records.length === 0) return []
      try {
        const positions = await answeredWithin(timeoutMs, signal, (until) =>
          produce({ http: to, signal: until }, topic, records),
        )
        sounded.learn(topic, positions)
        return positions
      } catch (error) {
        throw publishError(error, signal)
      }
    },

    offsets: (topic, { signal, partitions } = {}) =>
      answeredWithin(timeoutMs, signal, (until) =>
        sounded.of({ http: to, signal: until }, topic, partitions),
      ),

    read: (topic, positions, how) =>
      answeredWithin(timeoutMs + how.waitMs, how.signal, async (until) => {
        if (positions.length === 0) return { records: [], next: [], outOfRange: [] }
        const call = { http: to, signal: until }
        return fitting(how.maxBytes, maxResponseBytes, (maxBytes) =>
          readStateless(call, topic, positions, { ...how, maxBytes, isolation: 'uncommitted' }),
        )
      }),
  }
}
