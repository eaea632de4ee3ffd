/** Upstash's protocol, for the OpenAPI document of a gateway that speaks it. @module */
import { V2_ERRORS } from '../protocols/confluent/errors.ts'
import { UPSTASH_FETCH, UPSTASH_MESSAGES, UPSTASH_OFFSETS } from '../protocols/upstash.ts'
import { answer, parameter } from './operation.ts'
import type { Dialect, Operation } from './operation.ts'
import { INTEGER, listOfAll, members, schemaOf, TEXT } from './schema.ts'
import type { Json } from './schema.ts'

const JSON_TYPE = 'application/json'

export const UPSTASH: Dialect = {
  tag: 'upstash',
  table: V2_ERRORS,
  refusal: 'UpstashRefusal',
  types: [JSON_TYPE],
  statusOf: (status) => (status === 422 ? 400 : status),
}

const json = (schema: Json): Readonly<Record<string, Json>> => ({ [JSON_TYPE]: schema })
const placed = { topic: TEXT, partition: INTEGER, offset: INTEGER }
const written = {
  200: answer(
    'Where they are.',
    [JSON_TYPE],
    listOfAll(members({ ...placed, timestamp: { type: 'integer' } })),
  ),
}
const notThere = ['unknown-topic', 'unknown-partition'] as const

/** Where the path names no topic, each message does. */
function named(messages: Json): Json {
  const needTopic = { required: ['topic'] }
  return {
    ...messages,
    allOf: [
      {
        anyOf: [
          { type: 'array', items: needTopic },
          { type: 'object', ...needTopic },
        ],
      },
    ],
  }
}

export const upstashOperations = (): Readonly<Record<string, Operation>> => ({
  'post /produce': {
    id: 'produceOfUpstash',
    summary: 'Append messages to the topics that they name',
    role: 'write',
    body: json(named(schemaOf(UPSTASH_MESSAGES))),
    answers: written,
    refusals: notThere,
  },
  'post /produce/{topic}': {
    id: 'produceToTopicOfUpstash',
    summary: 'Append messages to a topic',
    role: 'write',
    parameters: [parameter('Topic')],
    body: json(schemaOf(UPSTASH_MESSAGES)),
    answers: written,
    refusals: notThere,
  },
  'post /fetch': {
    id: 'fetchOfUpstash',
    summary: 'Read messages from offsets on',
    role: 'read',
    body: json(schemaOf(UPSTASH_FETCH)),
    answers: {
      200: answer(
        'The messages; none where there are none yet.',
        [JSON_TYPE],
        listOfAll(
          members({
            ...placed,
            timestamp: { type: 'integer' },
            key: TEXT,
            value: TEXT,
            headers: { type: 'array' },
          }),
        ),
      ),
    },
    refusals: notThere,
  },
  'post /offsets/{place}': {
    id: 'offsetsOfUpstash',
    summary: 'The first offsets of partitions, the next ones, or those of a time',
    parameters: [
      {
        name: 'place',
        in: 'path',
        required: true,
        description: 'Or milliseconds since 1970.',
        schema: { type: 'string', pattern: '^(?:earliest|latest|[0-9]{1,15})$' },
      },
    ],
    body: json(schemaOf(UPSTASH_OFFSETS)),
    answers: { 200: answer('They.', [JSON_TYPE], listOfAll(members(placed, { logId: TEXT }))) },
    refusals: notThere,
  },
})
