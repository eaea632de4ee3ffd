/**
 * The OpenAPI 3.1 document of the worker, made from the schemas that check its requests.
 *
 * @module
 */
import * as z from 'zod/mini'
import {
  BatchAnswer,
  BatchBody,
  Descriptions,
  EvictionBody,
  Key,
  NamespaceName,
  ProblemAnswer,
  PutBody,
  ReadyAnswer,
  TokenAnswer,
  TokenText,
  ValueAnswer,
} from './schemas.ts'
import type { ProblemStatus } from './problem.ts'

type Json = Readonly<Record<string, unknown>>

/** The version of the interface, not of the package. */
const VERSION = '1.0.0'

const json = (schema: Json): Json => ({ content: { 'application/json': { schema } } })
const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` })
const header = (name: string): Json => ({ $ref: `#/components/headers/${name}` })
const parameter = (name: string): Json => ({ $ref: `#/components/parameters/${name}` })
const body = (name: string): Json => ({ required: true, ...json(ref(name)) })

const tokenHeader = { 'kedge-token': header('Token') }

const answer = (description: string, name: string, headers: Json = {}): Json => ({
  description,
  headers,
  ...json(ref(name)),
})

/** The problems that an operation may answer with. */
function problems(...statuses: ProblemStatus[]): Json {
  return Object.fromEntries(
    statuses.map((status) => [String(status), { $ref: '#/components/responses/Problem' }]),
  )
}

const security = (scope: string): Json => ({ security: [{ bearer: [scope] }, {}] })

const value = {
  parameters: [parameter('Namespace'), parameter('Key'), parameter('Token')],
  get: {
    operationId: 'getValue',
    summary: 'Read a value, through to the origin where it is not held',
    ...security('read'),
    responses: {
      200: answer('The value.', 'Value', {
        ...tokenHeader,
        'cache-status': header('CacheStatus'),
        age: header('Age'),
      }),
      ...problems(400, 401, 403, 404, 502, 503, 504),
    },
  },
  put: {
    operationId: 'putValue',
    summary: 'Write a value: to the origin and then evict it, or, without an origin, into the log',
    ...security('write'),
    requestBody: body('Put'),
    responses: {
      200: answer('Written, and evicted everywhere.', 'Token', tokenHeader),
      ...problems(400, 401, 403, 404, 409, 412, 413, 415, 422, 502, 503, 504),
    },
  },
  delete: {
    operationId: 'deleteValue',
    summary: 'Evict a key, everywhere',
    ...security('evict'),
    responses: {
      200: answer('Evicted everywhere.', 'Token', tokenHeader),
      ...problems(400, 401, 403, 404, 503),
    },
  },
}

const batch = {
  parameters: [parameter('Namespace'), parameter('Token')],
  post: {
    operationId: 'getBatch',
    summary: 'Read up to 100 values at once',
    ...security('read'),
    requestBody: body('Batch'),
    responses: {
      200: answer('The values, and the keys that have none.', 'BatchAnswer', tokenHeader),
      ...problems(400, 401, 403, 404, 413, 415, 422, 502, 503, 504),
    },
  },
}

/** An answer that goes on: each line, or event, by itself. */
const stream = (description: string, type: string, schema: Json): Json => ({
  description,
  content: { [type]: { schema } },
})

const TEXT: Json = { type: 'string' }
/** One of the events, by its fields. */
const EVENT: Json = { type: 'object', properties: { event: TEXT, id: TEXT, data: TEXT } }

const events = {
  parameters: [parameter('Namespace'), parameter('Token')],
  get: {
    operationId: 'getEvents',
    summary: 'Follow the evictions of a namespace as they are applied, as Server-Sent Events',
    ...security('read'),
    parameters: [
      {
        name: 'last-event-id',
        in: 'header',
        description: 'Goes on after this event.',
        schema: { type: 'string' },
      },
      {
        name: 'after',
        in: 'query',
        description: 'The same, where a client cannot send that header.',
        schema: { type: 'string' },
      },
    ],
    responses: {
      200: stream(
        'Events `begin`, `resume` or `resync` first, then `evict`, with tokens as ids; `unproved` and `proved`.',
        'text/event-stream',
        EVENT,
      ),
      ...problems(400, 401, 403, 404, 501, 503),
    },
  },
}

const dump = {
  parameters: [parameter('Namespace'), parameter('Token')],
  get: {
    operationId: 'getDump',
    summary: 'All values of a namespace that are held here and fresh, one a line',
    ...security('read'),
    responses: {
      200: stream('A head, a line for each value, and an end.', 'application/x-ndjson', TEXT),
      ...problems(400, 401, 403, 404, 501, 503),
    },
  },
}

const evictions = {
  post: {
    operationId: 'evict',
    summary: 'Evict keys, tags, a prefix, a namespace, or everything',
    ...security('evict'),
    requestBody: body('Eviction'),
    responses: {
      200: answer('Evicted everywhere.', 'Token', tokenHeader),
      ...problems(400, 401, 403, 404, 413, 415, 422, 503),
    },
  },
}

const health = {
  get: {
    operationId: 'getHealth',
    summary: 'Whether the worker lives',
    responses: { 200: { description: 'It does.' } },
  },
}

const readiness = {
  get: {
    operationId: 'getReadiness',
    summary: 'Whether it is proved that every eviction is known',
    responses: { 200: answer('It is.', 'Ready'), ...problems(503) },
  },
}

/** A schema of what travels: before it is transformed, and without naming its dialect again. */
function schemaOf(schema: z.ZodMiniType): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: 'input', metadata: Descriptions() })
  return rest
}

function components(): Json {
  const token = schemaOf(TokenText())
  return {
    schemas: {
      Value: schemaOf(ValueAnswer()),
      Token: schemaOf(TokenAnswer()),
      Put: schemaOf(PutBody()),
      Batch: schemaOf(BatchBody()),
      BatchAnswer: schemaOf(BatchAnswer()),
      Eviction: schemaOf(EvictionBody()),
      Ready: schemaOf(ReadyAnswer()),
      Problem: schemaOf(ProblemAnswer()),
    },
    parameters: {
      Namespace: { name: 'namespace', in: 'path', required: true, schema: schemaOf(NamespaceName()) },
      Key: {
        name: 'key',
        in: 'path',
        required: true,
        description: 'Percent-encoded, slashes too.',
        schema: schemaOf(Key()),
      },
      Token: {
        name: 'kedge-token',
        in: 'header',
        description: 'A token of an earlier answer: what was written then is seen now.',
        schema: token,
      },
    },
    headers: {
      Token: { description: 'Show it to read what was written.', schema: token },
      CacheStatus: { description: 'How the answer came about (RFC 9211).', schema: { type: 'string' } },
      Age: { description: 'Seconds since the value was loaded.', schema: { type: 'integer' } },
    },
    responses: {
      Problem: {
        description: 'What went wrong (RFC 9457).',
        content: { 'application/problem+json': { schema: ref('Problem') } },
      },
    },
    securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
  }
}

/** The document, ready for `JSON.stringify`. */
export function openApiDocument(): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'kedge worker',
      version: VERSION,
      description: 'A distributed cache whose invalidation log is Kafka.',
    },
    paths: {
      '/cache/{namespace}/{key}': value,
      '/cache/{namespace}/batch': batch,
      '/cache/{namespace}/events': events,
      '/cache/{namespace}/dump': dump,
      '/evictions': evictions,
      '/healthz': health,
      '/readyz': readiness,
      '/openapi.json': {
        get: {
          operationId: 'getOpenApi',
          summary: 'This document',
          responses: { 200: { description: 'It.' } },
        },
      },
    },
    components: components(),
  }
}
