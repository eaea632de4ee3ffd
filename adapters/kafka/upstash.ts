/**
 * Kafka over Upstash's REST API, on `@upstash/kafka`: stateless reads by offset.
 *
 * The hosted service ended in March 2025; the kedge gateway speaks its protocol. The package builds the requests;
 * they travel by our transport, because its own sends everything up to six times over 15 seconds (a 401 too),
 * cannot be aborted, has no deadline, and reads bodies of any size (`HttpClient` of version 1.3.5).
 *
 * @module
 */
import type { Options } from '../../src/api/option-check.ts'
import type { KafkaLog } from '../../src/ports/kafka-log.ts'
import { endpoint } from './rest/endpoint.ts'
import { http } from './rest/http.ts'
import { restLog } from './rest/rest-log.ts'
import {
  basicShape,
  check,
  transportLimits,
  type TransportOptions,
  transportShape,
  urlOption,
} from '../options.ts'
import { required, truth } from '../option-tests.ts'
import { boundsOf, partitionsOf } from './upstash/offsets.ts'
import { produce } from './upstash/produce.ts'
import { readRecords } from './upstash/records.ts'
import { client } from './upstash/transport.ts'

export interface UpstashOptions extends TransportOptions {
  /** The address of the REST API. */
  readonly url: string
  readonly username: string
  readonly password: string
  /** The other end is the kedge gateway, whose answers carry the identity of the log. @default false */
  readonly gateway?: boolean
}

const shape: Options = {
  url: required(urlOption),
  ...basicShape,
  ...transportShape,
  gateway: truth,
}

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

  return restLog({
    limits,
    http: http(endpoint({ url, auth: { username, password } }), limits),
    capabilities: { identity: gateway, longPoll: true, readCommitted: false },
    bounded: false,
    append: async (call, topic, records) => produce(await client(call), topic, records, [password]),
    async bounds(call, topic, partitions) {
      const kafka = await client(call)
      return boundsOf(kafka, topic, partitions ?? (await partitionsOf(kafka, topic)))
    },
    fetch: async (call, topic, positions, how) => readRecords(await client(call), topic, positions, how),
  })
}
