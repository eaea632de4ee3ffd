/**
 * The document that carries a proof: where a log ended at a moment of the sampler's clock, and the records before that.
 *
 * The decoder takes nothing on trust: whatever contradicts itself is no proof.
 *
 * @module
 */
import type { LogRecord, PartitionOffsets } from '../../../src/ports/kafka-log.ts'
import {
  anything,
  fields,
  fits,
  int,
  listOf,
  nullable,
  offsetShape,
  optional,
  type Shape,
  text as string,
} from '../../answer-shape.ts'
import { fromBase64, toBase64 } from '../../kafka/rest/base64.ts'

/** The most characters of a document. */
const MAX_DOCUMENT = 2_000_000
/** The longest name of a log or a life. */
const MAX_NAME = 64
/** The most records of a document. */
const MAX_RECORDS = 10_000

/** A record without its partition, which is that of the document. */
export type ProvedRecord = Omit<LogRecord, 'partition'>

export interface Proof extends Omit<PartitionOffsets, 'partition' | 'ageMs'> {
  /** Identity of the log: Kafka's topic id, or the lineage that a tail gives it. */
  readonly logId: string
  /** Whose clock `at` and `theirs` are of: those of two lives are never compared. */
  readonly life: string
  /** A whole millisecond of that clock before the end was asked for. */
  readonly at: number
  /** Every record in `[base, next)` is in `records`; `next` is not before `end`. */
  readonly base: number
  readonly next: number
  readonly records: readonly ProvedRecord[]
  /** The question that this answers: a cache on the way cannot give the answer to another one. */
  readonly question?: string
  /** What that clock had not passed yet when the question was sent. Only in an answer to that question. */
  readonly theirs?: number
  /** How long the client that handed it on waited for it, in milliseconds. */
  readonly costMs?: number
}

export const nameShape: Shape<string> = (value) =>
  string(value) ??
  (/^[\x21-\x7e]{1,64}$/.test(value as string)
    ? undefined
    : `must be a name of at most ${MAX_NAME} characters`)

/** One way to write bytes, and no other: else two documents could be the same proof. */
const bytes: Shape<string> = (value) =>
  string(value) ?? (/^[A-Za-z0-9+/]*={0,2}$/.test(value as string) ? undefined : 'must be base64')

const costShape: Shape<number> = (value) =>
  int(value) ?? ((value as number) >= 0 && (value as number) <= 60_000 ? undefined : 'must be a cost')

const record: Shape<readonly [number, string | null, string | null, number?]> = (value) => {
  if (!Array.isArray(value) || value.length < 3 || value.length > 4) return 'must be a record'
  return (
    offsetShape(value[0]) ?? nullable(bytes)(value[1]) ?? nullable(bytes)(value[2]) ?? optional(int)(value[3])
  )
}

const documentShape = fields({
  v: (value) => (value === 1 ? undefined : 'must be 1'),
  log: nameShape,
  life: nameShape,
  at: int,
  beginning: offsetShape,
  end: offsetShape,
  base: offsetShape,
  next: offsetShape,
  // Checked where they are decoded.
  records: anything,
  question: optional(nameShape),
  theirs: optional(int),
  cost: optional(costShape),
})

export function encodeProof({
  logId: log,
  life,
  at,
  beginning,
  end,
  base,
  next,
  records,
  question,
  theirs,
  costMs: cost,
}: Proof): string {
  const bounds = { v: 1, log, life, at, beginning, end, base, next }
  return JSON.stringify({ ...bounds, records: records.map(encodeRecord), question, theirs, cost })
}

export type EncodedRecord = [offset: number, key: string | null, value: string | null, timestamp?: number]

export function encodeRecord({ offset, key, value, timestamp }: ProvedRecord): EncodedRecord {
  const told: EncodedRecord = [offset, key && toBase64(key), value && toBase64(value)]
  if (timestamp !== undefined) told.push(timestamp)
  return told
}

/** The proof, or `undefined` where the text is none. */
export function decodeProof(text: string): Proof | undefined {
  if (text.length > MAX_DOCUMENT) return undefined
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!fits(found, documentShape)) return undefined
  const { log: logId, life, at, beginning, end, base, next, question, theirs, cost: costMs } = found
  if (!(beginning <= base && base <= next && beginning <= end && end <= next)) return undefined
  const records = decodeRecords(found.records, base, next)
  if (records === undefined) return undefined
  return {
    logId,
    life,
    at,
    beginning,
    end,
    base,
    next,
    records,
    ...(question !== undefined && { question }),
    ...(theirs !== undefined && { theirs }),
    ...(costMs !== undefined && { costMs }),
  }
}

/** Ascending records in `[base, next)`; `undefined` where they are not. */
export function decodeRecords(encoded: unknown, base: number, next: number): ProvedRecord[] | undefined {
  if (!fits(encoded, listOf(record, 0, MAX_RECORDS))) return undefined
  const records: ProvedRecord[] = []
  let least = base
  for (const [offset, key, value, timestamp] of encoded) {
    if (offset < least || offset >= next) return undefined
    const [keyBytes, valueBytes] = [
      key === null ? null : fromBase64(key),
      value === null ? null : fromBase64(value),
    ]
    if (keyBytes === undefined || valueBytes === undefined) return undefined
    records.push({ offset, key: keyBytes, value: valueBytes, ...(timestamp !== undefined && { timestamp }) })
    least = offset + 1
  }
  return records
}
