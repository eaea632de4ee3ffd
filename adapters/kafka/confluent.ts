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
import * as z from 'zod'
import { durationMs } from '../../src/runtime/duration.ts'
import type { KafkaLog, NewRecord, Position, ReadOptions } from '../../src/ports/kafka-log.ts'
import type { Duration } from '../../src/runtime/duration.ts'
import { publishError } from './rest/acknowledgement.ts'
import { fitting } from './rest/answer-size.ts'
import type { Call } from './v2/context.ts'
import { CONFLUENT } from './v2/dialect.ts'
import { InstanceReader } from './v2/instance-reader.ts'
import { boundsOf, partitionsOf } from './v2/offsets.ts'
import { produceV2 } from './v2/produce.ts'
import { discoverCluster, produceV3 } from './confluent/produce-v3.ts'
import { LastAnswer } from './confluent/last-answer.ts'
import { LogNames } from './confluent/log-names.ts'
import { readStateless } from './v2/stateless.ts'
import { answeredWithin } from '../deadline.ts'
import { type Auth, endpoint, type EndpointOptions } from './rest/endpoint.ts'
import { type Http, http } from './rest/http.ts'
import {
  authShape,
  check,
  count,
  headersShape,
  transportLimits,
  type TransportOptions,
  transportShape,
  urlShape,
} from '../options.ts'

export type { Auth, EndpointOptions } from './rest/endpoint.ts'

/** Where to produce, when that is elsewhere or by the v3 API. */
export interface ProduceOptions extends Partial<EndpointOptions> {
  /** @default 'v2' */
  readonly api?: 'v2' | 'v3'
  /**
   * For v3. Confluent Cloud does not answer which it is; your own proxy does.
   * @default the proxy is asked once
   */
  readonly clusterId?: string
}

export interface ConfluentOptions extends TransportOptions {
  /**
   * The proxy's address: what stands before `/topics` (v2) and `/v3`. Confluent Cloud: `https://pkc-….confluent.cloud/kafka`.
   * May be left out where `produce` and `read` both have one.
   */
  readonly url?: string
  /** Sent to `url`, never to an address of `produce` or `read`: those have their own. */
  readonly auth?: Auth
  readonly headers?: Readonly<Record<string, string>>
  readonly produce?: ProduceOptions
  /** Where offsets and records are read, when that is elsewhere. */
  readonly read?: Partial<EndpointOptions>
  /**
   * The other end of `read` is the kedge gateway: reads are stateless, long polls wait, and offsets carry the
   * log's identity. Each later read names that log, so a cache on the way cannot answer with the records of
   * another log.
   * @default false
   */
  readonly gateway?: boolean
  /** The consumer group that instances are made in. Nothing is ever committed to it. @default 'kedge' */
  readonly group?: string
  /** Consumer instances held, and reads at once. @default 4 */
  readonly maxInstances?: number
  /** An instance unused for this long is removed by the next call. @default '1m' */
  readonly instanceIdle?: Duration
}

const endpointShape = {
  url: urlShape.optional(),
  auth: authShape.optional(),
  headers: headersShape.optional(),
}
const name = z.string({ error: 'must be a string' }).regex(/^[\w.-]{1,255}$/, {
  error: 'must be at most 255 letters, digits, `.`, `_`, `-`',
})
const shape = z.strictObject(
  {
    ...endpointShape,
    ...transportShape,
    produce: z
      .strictObject({
        ...endpointShape,
        api: z.enum(['v2', 'v3'], { error: "must be 'v2' or 'v3'" }).optional(),
        clusterId: name.optional(),
      })
      .optional(),
    read: z.strictObject(endpointShape).optional(),
    gateway: z.boolean({ error: 'must be true or false' }).optional(),
    group: name.optional(),
    maxInstances: count(1).optional(),
    instanceIdle: z.union([z.string(), z.number()], { error: 'must be a duration' }).optional(),
  },
  { error: 'must be an object' },
)

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
  check(shape, options, 'confluent')
  const limits = transportLimits(options)
  const idleMs = durationMs(options.instanceIdle ?? '1m', 'instanceIdle')
  const { timeoutMs, maxResponseBytes } = limits
  const reading = http(endpoint(choose(options, 'read')), limits)
  const writing = http(endpoint(choose(options, 'produce')), limits)
  const append = producer(options.produce ?? {})
  const { group = 'kedge', maxInstances = 4, gateway = false } = options
  const instances = new InstanceReader({
    http: reading,
    dialect: CONFLUENT,
    group,
    maxInstances,
    idleMs,
    timeoutMs,
    maxResponseBytes,
  })
  const names = new LogNames()
  const last = new LastAnswer()
  const readOnce = async (call: Call, topic: string, positions: readonly Position[], how: ReadOptions) => {
    if (!gateway) return instances.read(call, topic, positions, { ...how, waitMs: 0 })
    const logId = names.of(topic)
    const kept = last.take(topic, logId, positions, how)
    if (kept) return kept
    const found = await readStateless(call, topic, positions, { ...how, logId })
    last.keep(topic, logId, positions, how, found)
    if (found.outOfRange.length > 0) names.forget(topic, logId)
    return found
  }

  return {
    capabilities: { identity: gateway, longPoll: gateway, readCommitted: gateway },

    async produce(topic, records, { signal } = {}) {
      signal?.throwIfAborted()
      if (records.length === 0) return []
      try {
        return await answeredWithin(timeoutMs, signal, (until) =>
          append(call(writing, until), topic, records),
        )
      } catch (error) {
        throw publishError(error, signal)
      }
    },

    offsets: (topic, { signal, partitions } = {}) =>
      answeredWithin(timeoutMs, signal, async (until) => {
        const to = call(reading, until)
        const bounds = await boundsOf(to, topic, partitions ?? (await partitionsOf(to, topic)))
        if (gateway) names.learn(topic, bounds)
        else instances.hint(topic, bounds)
        return bounds
      }),

    read: (topic, positions, how) =>
      answeredWithin(timeoutMs + (gateway ? how.waitMs : 0), how.signal, async (until) => {
        if (positions.length === 0) return { records: [], next: [], outOfRange: [] }
        return fitting(how.maxBytes, maxResponseBytes, (maxBytes) =>
          readOnce(call(reading, until), topic, positions, { ...how, maxBytes }),
        )
      }),

    close: () => instances.close(),
  }
}

const call = (to: Http, signal: AbortSignal): Call => ({ http: to, signal })

/** The endpoint of one side. Credentials stay with the address they were given for. */
function choose(options: ConfluentOptions, side: 'produce' | 'read'): EndpointOptions {
  const own = options[side] ?? {}
  const url = own.url ?? options.url
  if (url === undefined) throw new TypeError(`\`url\` is missing, or \`${side}.url\``)
  const auth = own.auth ?? (own.url === undefined ? options.auth : undefined)
  const headers = own.headers ?? (own.url === undefined ? options.headers : undefined)
  return { url, ...(auth ? { auth } : {}), ...(headers ? { headers } : {}) }
}

type Append = (call: Call, topic: string, records: readonly NewRecord[]) => Promise<Position[]>

function producer({ api = 'v2', clusterId }: ProduceOptions): Append {
  if (api === 'v2') {
    if (clusterId !== undefined) throw new TypeError("`produce.clusterId` is for `produce.api: 'v3'`")
    return produceV2
  }
  // The value is kept, not the promise: requests of a Worker cannot share one.
  let cluster = clusterId
  return async (to, topic, records) => {
    cluster ??= await discoverCluster(to)
    return produceV3(to, cluster, topic, records)
  }
}
