/**
 * Kafka over the HTTP fetch of a WarpStream agent (version 755 and later): stateless, all partitions in one request.
 *
 * Agents have no HTTP produce: records go another way, through a REST proxy in front of the same cluster.
 *
 * Made to the vendor's page "HTTP Endpoints" and to a client in production; no agent was run. Neither says
 * whether a fetch waits, how it answers positions outside of the log, and its isolation: the adapter relies
 * on none of these.
 *
 * @module
 */
import type { Options } from '../../src/api/option-check.ts'
import { KedgeError } from '../../src/ports/errors.ts'
import type { KafkaLog } from '../../src/ports/kafka-log.ts'
import { endpoint, type EndpointOptions } from './rest/endpoint.ts'
import { http } from './rest/http.ts'
import { restLog } from './rest/rest-log.ts'
import { type Writer, writer as writerOption } from './rest/writer.ts'
import { check, restShape, transportLimits, type TransportOptions } from '../options.ts'
import { truth } from '../option-tests.ts'
import { advance } from './rest/positions.ts'
import { fetchFrom } from './warpstream/fetch.ts'
import { FetchedOffsets } from './warpstream/offsets.ts'

export type { Auth } from './rest/endpoint.ts'
export type { Writer } from './rest/writer.ts'

export interface WarpstreamOptions extends EndpointOptions, TransportOptions {
  /** The log that takes the records. It is closed with this one. @default none: `produce` rejects */
  readonly produce?: Writer
  /**
   * Whether `offsets` may write a record by `produce` where the agent returns no end and retention has taken
   * offset 0: a heartbeat, which says nothing to any cache. Without it, `offsets` then rejects with
   * `ERR_UNSUPPORTED`.
   * @default true
   */
  readonly marker?: boolean
}

const shape: Options = {
  ...restShape,
  produce: writerOption,
  marker: truth,
}

/**
 * The log behind a WarpStream agent. See {@link WarpstreamOptions}.
 *
 * `offsets` is one request for all partitions, which returns their ends; where the agent returns no
 * beginnings, it takes one more for each partition while they stay the same. Reads are uncommitted and do not
 * wait.
 *
 * @throws TypeError where an option is wrong or unknown.
 * @example
 * ```ts
 * import { karapace } from 'kedge/adapters/karapace'
 * import { warpstream } from 'kedge/adapters/warpstream'
 *
 * declare const env: Record<'WARPSTREAM_USER' | 'WARPSTREAM_PASSWORD', string>
 *
 * const kafka = warpstream({
 *   url: 'https://agent.example.com:8080',
 *   auth: { username: env.WARPSTREAM_USER, password: env.WARPSTREAM_PASSWORD },
 *   produce: karapace({ url: 'https://kafka-rest.example.com' }),
 * })
 * ```
 */
export function warpstream(options: WarpstreamOptions): KafkaLog {
  check(shape, options, 'warpstream')
  const limits = transportLimits(options)
  const { produce: writer, marker = true } = options
  const offsets = new FetchedOffsets(marker ? writer : undefined)
  const log = restLog({
    limits,
    http: http(endpoint(options), limits),
    capabilities: { identity: false, longPoll: false, readCommitted: false },
    append: async () => {
      throw new KedgeError(
        'ERR_UNSUPPORTED',
        'WarpStream agents take no records over HTTP: set `produce` to a log that does',
      )
    },
    bounds: (call, topic, partitions) => offsets.of(call, topic, partitions),
    async fetch(call, topic, positions, { maxBytes }) {
      const found = await fetchFrom(call, topic, positions, maxBytes, 'reading records')
      const records = found.flatMap((one) => one.records)
      const outOfRange = found.filter(({ inside }) => !inside).map(({ partition }) => partition)
      return { records, next: advance(positions, records), outOfRange }
    },
    close: async () => writer?.close?.(),
  })
  if (!writer) return log

  return {
    ...log,
    async produce(topic, records, call = {}) {
      call.signal?.throwIfAborted()
      if (records.length === 0) return []
      // The writer has a deadline of its own.
      const positions = await writer.produce(topic, records, call)
      offsets.learn(topic, positions)
      return positions
    },
  }
}
