/** Topics and produce of Confluent's REST Proxy, API v2, for the OpenAPI document. @module */
import { EMBEDDED_TYPES } from '../embedded-format.ts'
import { V2_ERRORS } from '../protocols/confluent/errors.ts'
import { V2_PRODUCE, V2_TYPE } from '../protocols/confluent/v2.ts'
import { answer, header, parameter, ref } from './operation.ts'
import type { Dialect, Operation } from './operation.ts'
import { BASE64, INTEGER, listOfAll, members, schemaOf, TEXT } from './schema.ts'
import type { Json } from './schema.ts'

export const CONFLUENT_V2: Dialect = {
  tag: 'confluent v2',
  table: V2_ERRORS,
  refusal: 'Refusal',
  types: [V2_TYPE, 'application/json'],
}

/** What a control answer may be called. */
export const CONTROL: readonly string[] = [
  V2_TYPE,
  'application/json',
  EMBEDDED_TYPES.binary,
  EMBEDDED_TYPES.json,
]
const logId: Json = { 'kedge-log-id': header('LogId') }
const ofTopic = [parameter('Topic')]
const ofPartition = [parameter('Topic'), parameter('Partition')]

interface ProduceSchema {
  readonly properties: { readonly records: Json & { readonly items: Json & { readonly properties: Json } } }
}

/** The bodies of produce, of which the schema leaves open what the format says. */
function produce(): Readonly<Record<string, Json>> {
  const open = schemaOf(V2_PRODUCE)
  const { records } = (open as unknown as ProduceSchema).properties
  const of = (part: Json): Json => ({
    ...open,
    properties: {
      records: {
        ...records,
        items: { ...records.items, properties: { ...records.items.properties, key: part, value: part } },
      },
    },
  })
  return {
    [EMBEDDED_TYPES.binary]: of(BASE64),
    [EMBEDDED_TYPES.json]: of({ description: 'Any JSON value.' }),
  }
}

const written = { 200: answer('For each record its offset, or why it was refused.', CONTROL, ref('Offsets')) }

type Operations = Readonly<Record<string, Operation>>

export const confluentV2Operations = (): Operations => ({ ...ofTopics(), ...ofPartitions() })

const ofTopics = (): Operations => ({
  'get /topics': {
    id: 'listTopics',
    summary: 'The topics that the credential may see',
    answers: { 200: answer('Their names.', CONTROL, listOfAll(TEXT)) },
    refusals: ['not-acceptable'],
  },
  'get /brokers': {
    id: 'listBrokers',
    summary: 'One broker: it stands for the gateway',
    answers: { 200: answer('It.', CONTROL, members({ brokers: listOfAll(INTEGER) })) },
    refusals: ['not-acceptable'],
  },
  'get /topics/{topic}': {
    id: 'getTopic',
    summary: 'A topic and its partitions',
    parameters: ofTopic,
    answers: {
      200: answer(
        'The topic.',
        CONTROL,
        members({ name: TEXT, configs: { type: 'object' }, partitions: listOfAll(ref('Partition')) }),
        logId,
      ),
    },
    refusals: ['not-acceptable', 'unknown-topic'],
  },
  'post /topics/{topic}': {
    id: 'produce',
    summary: 'Append records to a topic',
    description: 'Answers 200 also where single records were refused: look at each `error_code`.',
    role: 'write',
    parameters: ofTopic,
    body: produce(),
    answers: written,
    refusals: ['not-acceptable', 'unknown-topic', 'unsupported'],
  },
})

const ofPartitions = (): Operations => ({
  'get /topics/{topic}/partitions': {
    id: 'listPartitions',
    summary: 'The partitions of a topic',
    parameters: ofTopic,
    answers: { 200: answer('They.', CONTROL, listOfAll(ref('Partition'))) },
    refusals: ['not-acceptable', 'unknown-topic'],
  },
  'get /topics/{topic}/partitions/{partition}': {
    id: 'getPartition',
    summary: 'A partition',
    parameters: ofPartition,
    answers: { 200: answer('It.', CONTROL, ref('Partition')) },
    refusals: ['not-acceptable', 'unknown-topic', 'unknown-partition'],
  },
  'post /topics/{topic}/partitions/{partition}': {
    id: 'produceToPartition',
    summary: 'Append records to a partition',
    description: 'Answers 200 also where single records were refused: look at each `error_code`.',
    role: 'write',
    parameters: ofPartition,
    body: produce(),
    answers: written,
    refusals: ['not-acceptable', 'unknown-topic', 'unknown-partition', 'unsupported'],
  },
  'get /topics/{topic}/partitions/{partition}/offsets': {
    id: 'getOffsets',
    summary: 'The first offset of a partition, and the one that its next record will have',
    parameters: ofPartition,
    answers: {
      200: answer('They.', CONTROL, members({ beginning_offset: INTEGER, end_offset: INTEGER }), logId),
    },
    refusals: ['not-acceptable', 'unknown-topic', 'unknown-partition'],
  },
})
