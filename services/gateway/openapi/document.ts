/** The OpenAPI 3.1 document of the gateway, made from the schemas that check its requests. @module */
import { components } from './components.ts'
import { CONFLUENT_V2, confluentV2Operations } from './confluent-v2.ts'
import { CONFLUENT_V3, confluentV3Operations } from './confluent-v3.ts'
import { consumerOperations } from './consumers.ts'
import { answer, security, written } from './operation.ts'
import type { Dialect, Operation } from './operation.ts'
import { REDPANDA, REDPANDA_OPERATIONS } from './redpanda.ts'
import { members, TEXT } from './schema.ts'
import { SHARED_PROOF_OPERATIONS, SHARED_PROOFS } from './shared-proofs.ts'
import type { Json } from './schema.ts'
import { UPSTASH, upstashOperations } from './upstash.ts'

/** The version of the interface, not of the package. */
const VERSION = '1.0.0'

export interface DocumentOptions {
  /** The id of the cluster. */
  readonly cluster: string
  /** Whether the gateway speaks Upstash's protocol. */
  readonly upstash: boolean
}

/** The document, ready for `JSON.stringify`. */
export function openApiDocument({ cluster, upstash }: DocumentOptions): Json {
  const paths: Record<string, Record<string, Json>> = {}
  const add = (operations: Readonly<Record<string, Operation>>, dialect: Dialect) => {
    for (const [route, operation] of Object.entries(operations)) {
      const [method = '', path = ''] = route.split(' ')
      ;(paths[path] ??= {})[method] = written(operation, dialect)
    }
  }
  for (const [path, item] of Object.entries(OF_THE_GATEWAY)) paths[path] = item
  add(REDPANDA_OPERATIONS, REDPANDA)
  add(confluentV2Operations(), CONFLUENT_V2)
  add(consumerOperations(), CONFLUENT_V2)
  add(confluentV3Operations(), CONFLUENT_V3)
  add(SHARED_PROOF_OPERATIONS, SHARED_PROOFS)
  if (upstash) {
    add(upstashOperations(), UPSTASH)
    paths['/topics'] = { get: topicsOfBoth(paths['/topics']!['get']!) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'kedge gateway',
      version: VERSION,
      description:
        "Kafka over HTTP, in the protocols of Redpanda's HTTP Proxy and Confluent's REST Proxy (v2 and v3)" +
        `${upstash ? ", and in Upstash's" : ''}. A credential has roles (read, write, admin), topics and consumer groups.`,
    },
    paths,
    components: components(cluster),
  }
}

const JSON_TYPE = ['application/json']

const get = (id: string, summary: string, isOpen: boolean, responses: Json): Record<string, Json> => ({
  get: {
    operationId: id,
    summary,
    tags: ['gateway'],
    security: isOpen ? [{}] : security(undefined),
    responses,
  },
})
const refusal = (description: string): Json =>
  answer(description, JSON_TYPE, { $ref: '#/components/schemas/Refusal' })
const GUARDED: Json = {
  401: refusal('No credential is shown, or a wrong one.'),
  403: refusal('A web page of a foreign origin.'),
  421: refusal('The `Host` is not this gateway.'),
  429: refusal('Too many wrong credentials came from this address.'),
}
const status = (...names: string[]): Json => members({ status: { enum: names } })

/** What belongs to no protocol. */
const OF_THE_GATEWAY: Readonly<Record<string, Record<string, Json>>> = {
  '/': get('describe', 'The cluster, and the protocols that the gateway speaks', false, {
    200: answer('They.', JSON_TYPE, members({ name: TEXT, cluster: TEXT, protocols: { type: 'object' } })),
    ...GUARDED,
  }),
  '/healthz': get('getHealth', 'Whether the gateway lives', true, {
    200: answer('It does.', JSON_TYPE, status('ok')),
    421: GUARDED['421'],
  }),
  '/readyz': get('getReadiness', 'Whether it takes requests', true, {
    200: answer('It does.', JSON_TYPE, status('ready')),
    421: GUARDED['421'],
    503: answer(
      'It is going to stop, or its upstream serves no client.',
      JSON_TYPE,
      members({ status: { enum: ['stopping', 'waiting'] } }, { problem: TEXT }),
    ),
  }),
  '/openapi.json': get('getOpenApi', 'This document', false, {
    200: answer('It.', JSON_TYPE, { type: 'object' }),
    ...GUARDED,
  }),
}

/** Upstash has the path too: `content-type: application/json` on the request tells its clients apart. */
function topicsOfBoth(ofConfluent: Json): Json {
  const responses = ofConfluent['responses'] as Record<string, Json>
  const ofUpstash = { type: 'object', additionalProperties: { type: 'integer' } }
  const content = { ...(responses['200']!['content'] as Json) }
  const names = (content['application/json'] as Json)['schema']
  content['application/json'] = { schema: { anyOf: [names, ofUpstash] } }
  return { ...ofConfluent, responses: { ...responses, 200: { ...responses['200'], content } } }
}
