/** Finds out which proxy answers at an address, by requests that change nothing. @module */
import { KedgeError } from '../../../src/ports/errors.ts'
import type { Call, HttpAnswer, HttpRequest } from '../rest/http.ts'
import { failure, parseJson, problemOf } from '../rest/problem.ts'
import { V2, V2_BINARY } from '../v2/media-types.ts'

export const FLAVORS = ['confluent', 'gateway', 'karapace', 'redpanda', 'strimzi', 'warpstream'] as const

/** A proxy that is known here. */
export type Flavor = (typeof FLAVORS)[number]

interface Question {
  readonly request: HttpRequest
  /** The proxy that gives this answer; `undefined` where none of the known ones does. */
  readonly read: (answer: HttpAnswer) => Flavor | undefined
}

const get = (path: string, accept: string): HttpRequest => ({ method: 'GET', path, headers: { accept } })

/** One after the other, the most telling first. */
const QUESTIONS: readonly Question[] = [
  {
    // Strimzi's `BridgeInfo`; the gateway says its name.
    request: get('/', '*/*'),
    read: (answer) => {
      if (typeof field(answer, 'bridge_version') === 'string') return 'strimzi'
      return field(answer, 'name') === 'kedge gateway' ? 'gateway' : undefined
    },
  },
  {
    // A read that lacks its parameters: Redpanda refuses it before it looks for the topic.
    request: get('/topics/kedge/partitions/0/records', V2_BINARY),
    read: (answer) => {
      const { code, text } = problemOf(answer)
      return code === 40002 && text.startsWith('Missing mandatory parameter') ? 'redpanda' : undefined
    },
  },
  {
    // Karapace answers in the type of the JSON format, and ignores `accept`.
    request: get('/brokers', V2),
    read: (answer) => {
      if (!Array.isArray(field(answer, 'brokers'))) return undefined
      return answer.headers.get('content-type')?.startsWith('application/vnd.kafka.json.v2+json')
        ? 'karapace'
        : 'confluent'
    },
  },
  {
    request: get('/v3/clusters', 'application/json'),
    read: (answer) => (field(answer, 'kind') === 'KafkaClusterList' ? 'confluent' : undefined),
  },
  {
    // A fetch from nothing.
    request: {
      method: 'POST',
      path: '/v1/kafka/fetch',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ topics: [] }),
    },
    read: (answer) =>
      answer.status < 300 && isRecord(parseJson(answer.body)) && field(answer, 'topics') !== undefined
        ? 'warpstream'
        : undefined,
  },
]

/**
 * The proxy at the address.
 *
 * @throws KedgeError `ERR_UNSUPPORTED` where no known proxy answers, `ERR_AUTH` where the proxy refuses the
 * credentials, retryable ones where it cannot answer now
 */
export async function recognise({ http, signal }: Call): Promise<Flavor> {
  let refusal: KedgeError | undefined
  for (const { request, read } of QUESTIONS) {
    const answer = await http.send(request, signal)
    const flavor = read(answer)
    if (flavor !== undefined) return flavor
    const error = answer.status > 299 ? failure(answer, 'recognising the proxy') : undefined
    if (error?.code === 'ERR_AUTH') refusal ??= error
    // A proxy that cannot answer now must not be taken for another proxy that lacks this endpoint.
    else if (error?.retryable) throw error
  }
  throw refusal ?? unknown()
}

const field = (answer: HttpAnswer, name: string): unknown => {
  const value = parseJson(answer.body)
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const unknown = () =>
  new KedgeError(
    'ERR_UNSUPPORTED',
    'kedge does not recognise a proxy at `url`: check the address, or set `flavor`',
  )
