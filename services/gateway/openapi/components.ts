/** What several operations of the OpenAPI document share. @module */
import { BASE64, INTEGER, listOfAll, members, nullable, TEXT } from './schema.ts'
import type { Json } from './schema.ts'

const path = (name: string, schema: Json, description?: string): Json => ({
  name,
  in: 'path',
  required: true,
  ...(description !== undefined && { description }),
  schema,
})

const partition: Json = { type: 'integer', minimum: 0, maximum: 999_999_999 }
const topic: Json = { type: 'string', minLength: 1, maxLength: 249, pattern: '^[A-Za-z0-9._-]+$' }
const name: Json = { type: 'string', pattern: '^(?!\\.\\.?$)[A-Za-z0-9_.~-]{1,249}$' }
const kinds = (kind: string): Json => ({ kind: { const: kind }, metadata: { type: 'object' } })
const listed = (kind: string, item: string): Json =>
  members({ ...kinds(kind), data: listOfAll({ $ref: `#/components/schemas/${item}` }) })
const record = (part: Json): Json =>
  members({ topic: TEXT, key: part, value: part, partition, offset: INTEGER })

const SCHEMAS: Json = {
  Refusal: members({ error_code: { type: 'integer' }, message: TEXT }),
  UpstashRefusal: members({ error: TEXT, status: { type: 'integer' } }),
  Offsets: members({
    offsets: listOfAll(
      members({
        partition: nullable(partition),
        offset: nullable(INTEGER),
        error_code: { type: ['integer', 'null'] },
        error: { type: ['string', 'null'] },
      }),
    ),
  }),
  Partition: members({
    partition,
    leader: { type: 'integer' },
    replicas: listOfAll(
      members({ broker: { type: 'integer' }, leader: { type: 'boolean' }, in_sync: { type: 'boolean' } }),
    ),
  }),
  BinaryRecords: listOfAll(record(BASE64)),
  JsonRecords: listOfAll(record({})),
  V3Cluster: members({ ...kinds('KafkaCluster'), cluster_id: TEXT }),
  V3Topic: members({
    ...kinds('KafkaTopic'),
    cluster_id: TEXT,
    topic_name: TEXT,
    topic_id: TEXT,
    is_internal: { type: 'boolean' },
    replication_factor: INTEGER,
    partitions_count: INTEGER,
  }),
  V3Partition: members({
    ...kinds('KafkaPartition'),
    cluster_id: TEXT,
    topic_name: TEXT,
    partition_id: partition,
  }),
  V3Clusters: listed('KafkaClusterList', 'V3Cluster'),
  V3Topics: listed('KafkaTopicList', 'V3Topic'),
  V3Partitions: listed('KafkaPartitionList', 'V3Partition'),
  V3Report: {
    anyOf: [
      members(
        {
          error_code: { const: 200 },
          cluster_id: TEXT,
          topic_name: TEXT,
          partition_id: partition,
          offset: INTEGER,
        },
        { timestamp: TEXT },
      ),
      members({ error_code: { type: 'integer', not: { const: 200 } }, message: TEXT }),
    ],
  },
  V3BatchReport: members({
    successes: listOfAll({ type: 'object' }),
    failures: listOfAll({ type: 'object' }),
  }),
}

const HEADERS: Json = {
  RequestId: { description: 'That of the request, or a new one.', schema: TEXT },
  LogId: { description: "Kafka's id of the topic: another one is another log.", schema: TEXT },
  Offset: { description: 'An offset of the partition.', schema: INTEGER },
  Challenge: { description: 'The schemes that are configured (RFC 9110).', schema: TEXT },
  RetryAfter: { description: 'Seconds until it is worth trying again.', schema: INTEGER },
  CacheControl: { description: 'For how long a cache may keep the answer.', schema: TEXT },
  Allow: { description: 'The methods that the route takes.', schema: TEXT },
}

const SECURITY: Json = {
  basic: { type: 'http', scheme: 'basic', description: 'Users with passwords (RFC 7617).' },
  bearer: { type: 'http', scheme: 'bearer', description: 'Tokens (RFC 6750).' },
}

/** @param cluster the id of the gateway's cluster */
export const components = (cluster: string): Json => ({
  schemas: SCHEMAS,
  parameters: {
    Topic: path('topic', topic),
    Partition: path('partition', partition),
    Group: path('group', name),
    Instance: path('instance', name, 'That the gateway has answered when it made the instance.'),
    Cluster: path('cluster', TEXT, `Of this gateway: ${cluster}.`),
    RequestId: {
      name: 'x-request-id',
      in: 'header',
      description:
        'By which the request is found in logs: up to 128 of `A-Z a-z 0-9 _ . : = + / -`. The gateway makes one where it is left out, or is none.',
      schema: TEXT,
    },
  },
  headers: HEADERS,
  securitySchemes: SECURITY,
})
