/** The routes of shared proofs, for the OpenAPI document. @module */
import { PROOF_TYPE } from '../../../adapters/sharing/tail/route.ts'
import { V2_ERRORS } from '../protocols/confluent/errors.ts'
import { answer, parameter } from './operation.ts'
import type { Dialect, Operation } from './operation.ts'
import { query } from './redpanda.ts'
import { INTEGER, members, TEXT } from './schema.ts'

export const SHARED_PROOFS: Dialect = {
  tag: 'kedge',
  table: V2_ERRORS,
  refusal: 'Refusal',
  types: ['application/json'],
}

const LIST = { type: 'array' }
const NAME = { type: 'string', pattern: '^[!-~]{1,64}$' }
const place = [parameter('Topic'), parameter('Partition')]

export const SHARED_PROOF_OPERATIONS: Readonly<Record<string, Operation>> = {
  'get /tail/{topic}/{partition}': {
    id: 'getProof',
    summary: 'Where a partition ended at a moment of the clock of the gateway, and the records before that',
    description: 'A sample that many clients share. docs/protocol.md says how a client tells its age.',
    role: 'read',
    parameters: [
      ...place,
      query(
        'max_age',
        INTEGER,
        'How long before the request the sample may have begun, in milliseconds; 0 where it is left out.',
      ),
      query('from', INTEGER, 'Records from this offset on are wanted.'),
      query('held', { enum: ['1'] }, 'Records of the last seconds are wanted, to be handed on.'),
      query(
        'question',
        NAME,
        'Comes back in the answer: no cache on the way can give the answer to another question.',
      ),
    ],
    answers: {
      200: answer(
        'The proof.',
        [PROOF_TYPE],
        members({
          v: INTEGER,
          log: TEXT,
          life: TEXT,
          at: INTEGER,
          beginning: INTEGER,
          end: INTEGER,
          base: INTEGER,
          next: INTEGER,
          records: LIST,
          theirs: INTEGER,
        }),
      ),
    },
    refusals: ['malformed', 'unknown-topic', 'unknown-partition'],
  },
  'get /tail/{topic}/{partition}/ws': {
    id: 'followProofs',
    summary: 'A WebSocket that brings records and proofs as they come',
    description:
      'Frames are in docs/protocol.md. A client that can set no header names its credential as a protocol: `kedge.auth.` and the value of `Authorization` in base64url, beside `kedge.tail`.',
    role: 'read',
    parameters: [
      ...place,
      query('from', INTEGER, 'The first record that is wanted; 0 where it is left out.'),
      query('log', NAME, 'The log that it is of.'),
      query('committed', { enum: ['1'] }, 'Only records that are committed are wanted.'),
      query('beat', INTEGER, 'How often a proof is wanted, in milliseconds: 100 to 10000.'),
    ],
    answers: {
      101: { description: 'The connection is a WebSocket.' },
      426: answer('The request asks for no WebSocket.', ['application/json'], { type: 'object' }),
    },
    refusals: ['malformed', 'busy', 'unavailable'],
  },
  'get /tail/{topic}/{partition}/records': {
    id: 'getProofRecords',
    summary: 'Records that a proof does not have',
    role: 'read',
    parameters: [
      ...place,
      query('offset', INTEGER, 'The first to be read.', true),
      query('max_bytes', INTEGER, 'Of keys and values, in base64.', true),
      query('log', NAME, 'The log that the proof is of.', true),
    ],
    answers: {
      200: answer(
        'The records, and where to go on: no `next` where the offset is not in that log.',
        ['application/json'],
        {
          type: 'object',
          required: ['records'],
          properties: { next: INTEGER, records: LIST },
        },
      ),
    },
    refusals: ['malformed', 'unknown-topic', 'unknown-partition'],
  },
}
