/** The reads of Redpanda's HTTP Proxy, for the OpenAPI document. @module */
import { REDPANDA_ERRORS } from '../protocols/confluent/errors.ts'
import { V2_TYPE } from '../protocols/confluent/v2.ts'
import { EMBEDDED_TYPES } from '../embedded-format.ts'
import { header, parameter, ref } from './operation.ts'
import type { Dialect, Operation } from './operation.ts'
import { INTEGER, TEXT } from './schema.ts'
import type { Json } from './schema.ts'

export const REDPANDA: Dialect = {
  tag: 'redpanda',
  table: REDPANDA_ERRORS,
  refusal: 'Refusal',
  types: [V2_TYPE, 'application/json'],
}

/** OpenAPI leaves `Accept` to the types of the answers: here it is mandatory, and `*` alone is refused. */
export const acceptsFormat: Json = {
  name: 'accept',
  in: 'header',
  required: true,
  schema: { enum: [EMBEDDED_TYPES.binary, EMBEDDED_TYPES.json] },
}
export const query = (name: string, schema: Json, description: string, required = false): Json => ({
  name,
  in: 'query',
  required,
  description,
  schema,
})

export const records: Json = {
  [EMBEDDED_TYPES.binary]: { schema: ref('BinaryRecords') },
  [EMBEDDED_TYPES.json]: { schema: ref('JsonRecords') },
}

const found: Json = {
  'x-request-id': header('RequestId'),
  'kedge-log-id': header('LogId'),
  'kedge-beginning-offset': header('Offset'),
  'kedge-end-offset': header('Offset'),
  'kedge-next-offset': header('Offset'),
  'cache-control': header('CacheControl'),
}

export const REDPANDA_OPERATIONS: Readonly<Record<string, Operation>> = {
  'get /topics/{topic}/partitions/{partition}/records': {
    id: 'readPartition',
    summary: 'Read records from an offset on, without a consumer',
    role: 'read',
    parameters: [
      parameter('Topic'),
      parameter('Partition'),
      acceptsFormat,
      query('offset', INTEGER, 'The first to be read.', true),
      query(
        'timeout',
        INTEGER,
        'How long to wait for a record, in milliseconds; bounded by --max-wait.',
        true,
      ),
      query('max_bytes', INTEGER, 'Of keys and values; the first record comes whatever its size.', true),
      query('isolation_level', { enum: ['read_uncommitted', 'read_committed'] }, 'As Kafka has it.'),
      query('log', TEXT, 'The `kedge-log-id` that the topic must still have; else 412.'),
    ],
    answers: {
      200: { description: 'The records; none where there are none yet.', headers: found, content: records },
      304: { description: 'What the client has is what there is (`If-None-Match`).', headers: found },
      412: {
        description: 'The topic is not the log that `log` names (41201).',
        headers: found,
        content: { [V2_TYPE]: { schema: ref('Refusal') } },
      },
    },
    refusals: [
      'malformed',
      'not-acceptable',
      'unknown-topic',
      'unknown-partition',
      'out-of-range',
      'undecodable',
    ],
  },
}
