/**
 * Kafka over Upstash's REST API, on `@upstash/kafka`: stateless reads by offset.
 *
 * The hosted service ended in March 2025; the kedge gateway speaks its protocol. The package builds the requests;
 * they travel by our transport, because its own sends everything up to six times over 15 seconds (a 401 too),
 * cannot be aborted, has no deadline, and reads bodies of any size (`HttpClient` of version 1.3.5).
 *
 * @module
 */
import * as z from 'zod'
import { KedgeError } from '../../src/ports/errors.ts'
import type { CallOptions, KafkaLog, NewRecord } from '../../src/ports/kafka-log.ts'
import { acknowledged, publishError } from './rest/acknowledgement.ts'
import { answeredWithin } from '../deadline.ts'
import { endpoint } from './rest/endpoint.ts'
import { http } from './rest/http.ts'
import {
  basicShape,
  check,
  transportLimits,
  type TransportOptions,
  transportShape,
  urlShape,
} from '../options.ts'
import { boundsOf, partitionsOf } from './upstash/offsets.ts'
import { readRecords } from './upstash/records.ts'
import { toText } from './upstash/text.ts'
import { client } from './upstash/transport.ts'
import { listOf } from './rest/list.ts'

export interface UpstashOptions extends TransportOptions {
  /** The address of the REST API. */
  readonly url: string
  readonly username: string
  readonly password: string
  /** The other end is the kedge gateway, whose answers carry the identity of the log. @default false */
  readonly gateway?: boolean
}

const shape = z.strictObject(
  {
    url: urlShape,
    ...basicShape,
    ...transportShape,
    gateway: z.boolean({ error: 'must be true or false' }).optional(),
  },
  { error: 'must be an object' },
)

const produceAnswer = listOf(
  z.object({
    partition: z.number().nullish(),
    offset: z.number().nullish(),
    error_code: z.number().nullish(),
    error: z.string().nullish(),
  }),
)

/**
 * The log behind Upstash's REST API. See {@link UpstashOptions}.
 *
 * It has no way to bound an answer (`maxBytes` cuts what has arrived), no tombstones (an empty value is written for
 * `null`) and no bytes: what is not UTF-8 is written as base64 behind a mark that this adapter knows.
 *
 * The package `@upstash/kafka` is imported by the first call: where it is not installed, calls reject with
 * `ERR_UNSUPPORTED`.
 *
 * @throws TypeError where an option is wrong or unknown.
 * @example
 * ```ts
 * import { upstash } from 'kedge/adapters/upstash'
 *
 * declare const env: Record<'KAFKA_REST_URL' | 'KAFKA_USERNAME' | 'KAFKA_PASSWORD', string>
 *
 * const kafka = upstash({ url: env.KAFKA_REST_URL, username: env.KAFKA_USERNAME, password: env.KAFKA_PASSWORD })
 * ```
 */
export function upstash(options: UpstashOptions): KafkaLog {
  check(shape, options, 'upstash')
  const { url, username, password, gateway = false } = options
  const limits = transportLimits(options)
  const to = http(endpoint({ url, auth: { username, password } }), limits)
  const within = <T>(
    { signal }: CallOptions,
    waitMs: number,
    work: (kafka: Awaited<ReturnType<typeof client>>) => Promise<T>,
  ) => answeredWithin(limits.timeoutMs + waitMs, signal, async (until) => work(await client(to, until)))

  return {
    capabilities: { identity: gateway, longPoll: true, readCommitted: false },

    async produce(topic, records, call = {}) {
      call.signal?.throwIfAborted()
      if (records.length === 0) return []
      try {
        const entries = records.map((record) => entry(topic, record))
        const answer: unknown = await within(call, 0, (kafka) => kafka.producer().produceMany(entries))
        const reports = produceAnswer.safeParse(answer)
        if (reports.success) return acknowledged(reports.data, records.length, [password])
        throw new KedgeError('ERR_PROTOCOL', 'publishing: the answer is not what the protocol promises')
      } catch (error) {
        throw publishError(error, call.signal)
      }
    },

    offsets: (topic, call = {}) =>
      within(call, 0, async (kafka) =>
        boundsOf(kafka, topic, call.partitions ?? (await partitionsOf(kafka, topic))),
      ),

    read: (topic, positions, how) =>
      within(how, how.waitMs, async (kafka) =>
        positions.length === 0
          ? { records: [], next: [], outOfRange: [] }
          : readRecords(kafka, topic, positions, how),
      ),
  }
}

/** Values are strings already: the package would write anything else as JSON. */
function entry(topic: string, { key, value, partition, headers }: NewRecord) {
  return {
    topic,
    value: value === null ? '' : toText(value),
    ...(key === null ? {} : { key: toText(key) }),
    ...(partition === undefined ? {} : { partition }),
    ...(headers
      ? { headers: Object.entries(headers).map(([name, text]) => ({ key: name, value: text })) }
      : {}),
  }
}
