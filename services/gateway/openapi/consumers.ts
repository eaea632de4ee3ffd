/** Consumer instances of Confluent's REST Proxy, API v2, for the OpenAPI document. @module */
import { EMBEDDED_TYPES } from '../embedded-format.ts'
import { V2_CREATE } from '../protocols/confluent/consumers.ts'
import { V2_COMMIT, V2_SUBSCRIPTION } from '../protocols/confluent/groups.ts'
import { V2_PARTITIONS, V2_POSITIONS } from '../protocols/confluent/positions.ts'
import { V2_TYPE } from '../protocols/confluent/v2.ts'
import type { RefusalReason } from '../refusal.ts'
import { CONTROL } from './confluent-v2.ts'
import { answer, nothing, parameter } from './operation.ts'
import type { Operation } from './operation.ts'
import { acceptsFormat, query, records } from './redpanda.ts'
import { INTEGER, listOfAll, members, schemaOf, TEXT } from './schema.ts'
import type { Json } from './schema.ts'

const INSTANCE = '/consumers/{group}/instances/{instance}'
const instance = [parameter('Group'), parameter('Instance')]
const partitions = listOfAll(members({ topic: TEXT, partition: INTEGER }))
const done = { 204: nothing('Done.') }
/** As kafka-rest does, it takes the types of records too. */
const control = (schema: Json): Readonly<Record<string, Json>> =>
  Object.fromEntries([V2_TYPE, EMBEDDED_TYPES.binary, EMBEDDED_TYPES.json].map((type) => [type, schema]))

/** What uses an instance may find that it, a topic or a partition is gone, or that its log has moved on. */
const OF_AN_INSTANCE: readonly RefusalReason[] = [
  'not-acceptable',
  'unknown-instance',
  'unknown-topic',
  'unknown-partition',
  'not-assigned',
  'out-of-range',
]

const next = (operationId: string): Json => ({
  operationId,
  parameters: { group: '$request.path.group', instance: '$response.body#/instance_id' },
})

type Operations = Readonly<Record<string, Operation>>

export const consumerOperations = (): Operations => ({
  ...lives(),
  ...shares(),
  ...positions(),
  ...commits(),
  ...ended,
})

/** Instances, and their records. */
const lives = (): Operations => ({
  'post /consumers/{group}': {
    id: 'createConsumer',
    summary: 'Make a consumer instance',
    role: 'read',
    parameters: [parameter('Group')],
    body: control(schemaOf(V2_CREATE)),
    answers: {
      200: {
        ...answer('Where it is.', CONTROL, members({ instance_id: TEXT, base_uri: TEXT })),
        links: Object.fromEntries(
          ['subscribe', 'assign', 'readRecords', 'deleteConsumer'].map((id) => [id, next(id)]),
        ),
      },
    },
    refusals: ['not-acceptable', 'instance-exists', 'instance-options', 'unsupported'],
  },
  [`delete ${INSTANCE}`]: {
    id: 'deleteConsumer',
    summary: 'Leave the group, and forget the instance',
    role: 'read',
    parameters: instance,
    answers: done,
    refusals: ['unknown-instance'],
  },
  [`get ${INSTANCE}/records`]: {
    id: 'readRecords',
    summary: 'The next records of the instance',
    role: 'read',
    parameters: [
      ...instance,
      { ...acceptsFormat, required: false },
      query(
        'timeout',
        { type: 'integer', minimum: -999_999_999_999_999, maximum: 999_999_999_999_999 },
        'How long to wait, in milliseconds; below 1 as long as the instance says.',
      ),
      query(
        'max_bytes',
        { type: 'integer', minimum: -999_999_999_999_999, maximum: 999_999_999_999_999 },
        'Of keys and values; below 1 as many as there may be.',
      ),
    ],
    answers: { 200: { description: 'The records.', headers: {}, content: records } },
    refusals: [...OF_AN_INSTANCE, 'malformed', 'format-mismatch', 'undecodable'],
  },
})

/** Which partitions they read. */
const shares = (): Operations => ({
  [`post ${INSTANCE}/subscription`]: {
    id: 'subscribe',
    summary: 'Share the partitions of topics with the other members of the group',
    role: 'read',
    parameters: instance,
    body: control(schemaOf(V2_SUBSCRIPTION)),
    answers: done,
    refusals: [...OF_AN_INSTANCE, 'unsupported'],
  },
  [`get ${INSTANCE}/subscription`]: {
    id: 'getSubscription',
    summary: 'The topics that it subscribes to',
    role: 'read',
    parameters: instance,
    answers: { 200: answer('They.', CONTROL, members({ topics: listOfAll(TEXT) })) },
    refusals: OF_AN_INSTANCE,
  },
  [`delete ${INSTANCE}/subscription`]: {
    id: 'unsubscribe',
    summary: 'Subscribe to nothing',
    role: 'read',
    parameters: instance,
    answers: done,
    refusals: OF_AN_INSTANCE,
  },
  [`post ${INSTANCE}/assignments`]: {
    id: 'assign',
    summary: 'Read partitions that the client chooses',
    role: 'read',
    parameters: instance,
    body: control(schemaOf(V2_PARTITIONS)),
    answers: done,
    refusals: [...OF_AN_INSTANCE, 'not-hosted'],
  },
  [`get ${INSTANCE}/assignments`]: {
    id: 'getAssignment',
    summary: 'The partitions that it reads',
    role: 'read',
    parameters: instance,
    answers: { 200: answer('They.', CONTROL, members({ partitions })) },
    refusals: OF_AN_INSTANCE,
  },
})

/** Where they go on. */
const positions = (): Operations => ({
  [`post ${INSTANCE}/positions`]: {
    id: 'seek',
    summary: 'Go on at offsets, or at times',
    role: 'read',
    parameters: instance,
    body: control(schemaOf(V2_POSITIONS)),
    answers: done,
    refusals: OF_AN_INSTANCE,
  },
  ...Object.fromEntries(
    (['beginning', 'end'] as const).map((place) => [
      `post ${INSTANCE}/positions/${place}`,
      {
        id: place === 'end' ? 'seekToEnd' : 'seekToBeginning',
        summary: `Go on at the ${place} of partitions`,
        role: 'read',
        parameters: instance,
        body: control(schemaOf(V2_PARTITIONS)),
        answers: done,
        refusals: OF_AN_INSTANCE,
      } satisfies Operation,
    ]),
  ),
})

/** What their group has processed. */
const commits = (): Operations => ({
  [`post ${INSTANCE}/offsets`]: {
    id: 'commit',
    summary:
      'Commit offsets: of the last records that were processed, or without a body of all that were read',
    role: 'read',
    parameters: instance,
    body: control(schemaOf(V2_COMMIT)),
    bodyIsOptional: true,
    answers: { 200: answer('Committed.', CONTROL, { type: 'array', maxItems: 0 }) },
    refusals: OF_AN_INSTANCE,
  },
  [`get ${INSTANCE}/offsets`]: {
    id: 'getCommitted',
    summary: 'The offsets that the group has committed',
    description: 'Clients that send a body with a GET may name the partitions there, as with kafka-rest.',
    role: 'read',
    parameters: [
      ...instance,
      query(
        'partitions',
        {
          type: 'string',
          pattern: '^[A-Za-z0-9_.-]{1,249}:[0-9]{1,9}(?:,[A-Za-z0-9_.-]{1,249}:[0-9]{1,9})*$',
        },
        'Such as topic:0,topic:1; without them those that it reads.',
      ),
    ],
    answers: {
      200: answer(
        'They.',
        CONTROL,
        members({
          offsets: listOfAll(members({ topic: TEXT, partition: INTEGER, offset: INTEGER, metadata: TEXT })),
        }),
      ),
    },
    refusals: [...OF_AN_INSTANCE, 'malformed', 'invalid', 'too-large', 'not-hosted'],
  },
})

/** Routes of API v1: a client that still asks them learns what to ask. */
const ended: Operations = {
  [`get ${INSTANCE}/topics/{topic}`]: {
    id: 'readTopicOfV1',
    summary: 'API v1 has ended',
    deprecated: true,
    parameters: [...instance, parameter('Topic')],
    refusals: ['unsupported'],
  },
  'get /topics/{topic}/partitions/{partition}/messages': {
    id: 'readMessagesOfV1',
    summary: 'API v1 has ended',
    deprecated: true,
    parameters: [parameter('Topic'), parameter('Partition')],
    refusals: ['unsupported'],
  },
}
