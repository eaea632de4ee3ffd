/** Records that a client asks a tail for, because no proof has them. @module */
import { KedgeError } from '../../../src/ports/errors.ts'
import { anything, fields, offsetShape, optional } from '../../answer-shape.ts'
import { type Http, parsed, segment } from '../../kafka/rest/http.ts'
import { decodeRecords } from './proof.ts'
import type { Run } from './segments.ts'

export interface RecordsAsked {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** The log that the offset is of. */
  readonly logId: string
  readonly maxBytes: number
}

const answerShape = fields({
  next: optional(offsetShape),
  // Checked where they are decoded.
  records: anything,
})

/** Below the address of a tail. */
export const pathOf = (topic: string, partition: number): string => `/tail/${segment(topic)}/${partition}`

/** The tail asks the log for what it has not itself. `undefined` where the offset is not in that log. */
export async function askRecords(
  http: Http,
  { topic, partition, offset, logId, maxBytes }: RecordsAsked,
  signal: AbortSignal,
): Promise<Run | undefined> {
  const query = new URLSearchParams({ offset: String(offset), max_bytes: String(maxBytes), log: logId })
  const path = `${pathOf(topic, partition)}/records?${query.toString()}`
  const doing = 'reading from the tail'
  const { next, records } = parsed(await http.ask({ method: 'GET', path }, signal, doing), answerShape, doing)
  if (next === undefined) return undefined
  const found = decodeRecords(records, offset, next)
  if (found === undefined || next < offset)
    throw new KedgeError('ERR_PROTOCOL', `${doing}: the answer contradicts itself`, { retryable: true })
  return { base: offset, next, records: found }
}
