/** Produce by the v2 API. @module */
import type { NewRecord, Position } from '../../../src/ports/kafka-log.ts'
import { fields, fits, listOf, nullish, number, text } from '../../answer-shape.ts'
import { toBase64 } from '../rest/base64.ts'
import { type Call, parsed, segment } from '../rest/http.ts'
import { failure, parseJson } from '../rest/problem.ts'
import { acknowledged } from '../rest/acknowledgement.ts'
import { V2, V2_BINARY } from './media-types.ts'

const produceAnswer = fields({
  offsets: listOf(
    fields({
      partition: nullish(number),
      offset: nullish(number),
      error_code: nullish(number),
      error: nullish(text),
      message: nullish(text),
    }),
  ),
})

/** One record in the body. */
export type Entry = (record: NewRecord) => unknown

export async function produceV2(
  { http, signal }: Call,
  topic: string,
  records: readonly NewRecord[],
  entry: Entry = bare,
): Promise<Position[]> {
  const answer = await http.send(
    {
      method: 'POST',
      path: `/topics/${segment(topic)}`,
      headers: { 'content-type': V2_BINARY, accept: V2 },
      body: JSON.stringify({ records: records.map(entry) }),
    },
    signal,
  )
  // Karapace answers 422 with the same body as a success: its records say what went wrong.
  const refused = answer.status > 299
  if (refused && !fits(parseJson(answer.body), produceAnswer)) throw failure(answer, 'publishing')
  const { offsets } = parsed(answer, produceAnswer, 'publishing')
  const positions = acknowledged(offsets, records.length, answer.secrets)
  if (refused) throw failure(answer, 'publishing')
  return positions
}

/**
 * Without headers: neither kafka-rest's v2 nor Karapace takes them. A null is stored as none by kafka-rest in the
 * binary format.
 */
const bare = ({ key, value, partition }: NewRecord) => ({
  key: key === null ? null : toBase64(key),
  value: value === null ? null : toBase64(value),
  ...(partition === undefined ? {} : { partition }),
})
