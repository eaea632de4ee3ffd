/** Confluent's REST Proxy, API v3, for the OpenAPI document. @module */
import { V3_ERRORS } from '../protocols/confluent/errors.ts'
import { V3_BATCH, V3_RECORD } from '../protocols/confluent/v3-produce.ts'
import { V3_CREATE } from '../protocols/confluent/v3.ts'
import { answer, header, nothing, parameter, ref } from './operation.ts'
import type { Dialect, Operation } from './operation.ts'
import { query } from './redpanda.ts'
import { schemaOf } from './schema.ts'
import type { Json } from './schema.ts'

const JSON_TYPE = 'application/json'

export const CONFLUENT_V3: Dialect = {
  tag: 'confluent v3',
  table: V3_ERRORS,
  refusal: 'Refusal',
  types: [JSON_TYPE],
}

const ofCluster = [parameter('Cluster')]
const ofTopic = [...ofCluster, parameter('Topic')]
const ofPartition = [...ofTopic, parameter('Partition')]
const found = (schema: string, description: string, headers: Json = {}) => ({
  200: answer(description, [JSON_TYPE], ref(schema), headers),
})

/** Each route is there twice: as the proxy alone has it, and as Confluent Server and Cloud have it. */
export const confluentV3Operations = (): Readonly<Record<string, Operation>> => ({
  ...topicsUnder('/v3', ''),
  ...recordsUnder('/v3', ''),
  ...partitionsUnder('/v3', ''),
  ...topicsUnder('/kafka/v3', 'OfServer'),
  ...recordsUnder('/kafka/v3', 'OfServer'),
  ...partitionsUnder('/kafka/v3', 'OfServer'),
})

const TOPICS = '/clusters/{cluster}/topics'
type Operations = Readonly<Record<string, Operation>>

function topicsUnder(base: string, suffix: string): Operations {
  const topics = `${base}${TOPICS}`
  return {
    [`get ${base}/clusters`]: {
      id: `listClustersV3${suffix}`,
      summary: 'The cluster of this gateway, in a list',
      answers: found('V3Clusters', 'It.'),
    },
    [`get ${base}/clusters/{cluster}`]: {
      id: `getClusterV3${suffix}`,
      summary: 'The cluster of this gateway',
      parameters: ofCluster,
      answers: found('V3Cluster', 'It.'),
      refusals: ['unknown-cluster'],
    },
    [`get ${topics}`]: {
      id: `listTopicsV3${suffix}`,
      summary: 'The topics that the credential may see',
      parameters: ofCluster,
      answers: found('V3Topics', 'They.'),
      refusals: ['unknown-cluster'],
    },
    [`post ${topics}`]: {
      id: `createTopicV3${suffix}`,
      summary: 'Create a topic',
      role: 'admin',
      parameters: ofCluster,
      body: { [JSON_TYPE]: schemaOf(V3_CREATE) },
      answers: { 201: answer('It is there.', [JSON_TYPE], ref('V3Topic')) },
      refusals: ['unknown-cluster', 'exists'],
    },
    [`get ${topics}/{topic}`]: {
      id: `getTopicV3${suffix}`,
      summary: 'A topic',
      parameters: ofTopic,
      answers: found('V3Topic', 'It.'),
      refusals: ['unknown-cluster', 'unknown-topic'],
    },
    [`delete ${topics}/{topic}`]: {
      id: `deleteTopicV3${suffix}`,
      summary: 'Delete a topic, and all its records',
      role: 'admin',
      parameters: ofTopic,
      answers: { 204: nothing('It is gone.') },
      refusals: ['unknown-cluster', 'unknown-topic'],
    },
  }
}

function recordsUnder(base: string, suffix: string): Operations {
  const topics = `${base}${TOPICS}`
  return {
    [`post ${topics}/{topic}/records`]: {
      id: `produceV3${suffix}`,
      summary: 'Append records to a topic: one, or several, one after the other',
      description:
        'Answers 200 once the body has begun, with one report for each record, each on its own line: look at each `error_code`.',
      role: 'write',
      parameters: ofTopic,
      body: { [JSON_TYPE]: schemaOf(V3_RECORD) },
      answers: { 200: answer('A report for each record.', [JSON_TYPE], ref('V3Report')) },
      refusals: ['unknown-cluster', 'unknown-topic'],
    },
    [`post ${topics}/{topic}/records:batch`]: {
      id: `produceBatchV3${suffix}`,
      summary: 'Append up to ten records to a topic',
      role: 'write',
      parameters: ofTopic,
      body: { [JSON_TYPE]: schemaOf(V3_BATCH) },
      answers: { 207: answer('Which were appended, and which not.', [JSON_TYPE], ref('V3BatchReport')) },
      refusals: ['unknown-cluster', 'unknown-topic'],
    },
  }
}

function partitionsUnder(base: string, suffix: string): Operations {
  const partitions = `${base}${TOPICS}/{topic}/partitions`
  return {
    [`get ${partitions}`]: {
      id: `listPartitionsV3${suffix}`,
      summary: 'The partitions of a topic',
      parameters: ofTopic,
      answers: found('V3Partitions', 'They.'),
      refusals: ['unknown-cluster', 'unknown-topic'],
    },
    [`get ${partitions}/{partition}`]: {
      id: `getPartitionV3${suffix}`,
      summary: 'A partition',
      parameters: ofPartition,
      answers: found('V3Partition', 'It.'),
      refusals: ['unknown-cluster', 'unknown-topic', 'unknown-partition'],
    },
    [`get ${partitions}/{partition}/offset`]: {
      id: `getOffsetV3${suffix}`,
      summary: 'The first offset of a partition, the one that its next record will have, or both',
      parameters: [
        ...ofPartition,
        query('offset_type', { enum: ['earliest', 'latest', 'earliest_and_latest'] }, 'By default latest.'),
      ],
      answers: found('V3Partition', 'They.', { 'kedge-log-id': header('LogId') }),
      refusals: ['malformed', 'unknown-cluster', 'unknown-topic', 'unknown-partition'],
    },
  }
}
