/**
 * Reads by explicit offset from Redpanda's HTTP Proxy and the gateway, which keep no state of a reader.
 *
 * @module
 */
import { eitherSignal } from '../../../src/runtime/abort.ts'
import type { LogRecord, Position, ReadOptions, ReadResult } from '../../../src/ports/kafka-log.ts'
import { fits, offsetShape } from '../../answer-shape.ts'
import { type Call, segment } from '../rest/http.ts'
import { failure, isOutOfRange, problemOf } from '../rest/problem.ts'
import { V2_BINARY } from './media-types.ts'
import { readRecords } from './records.ts'

/** One partition's answer: its records, or that the position lies outside of it, or is of another log. */
type Answer = Found | 'out of range'

export interface StatelessOptions extends ReadOptions {
  /**
   * The log that the positions are of, where it is known (the gateway's `log=`). In another log they are out
   * of range, so no cache on the way can answer with the records of a topic that has been created anew since.
   */
  readonly logId?: string | undefined
}

/** `Precondition Failed`: the topic is another log by now. */
const ANOTHER_LOG = 412

interface Found {
  readonly records: readonly LogRecord[]
  readonly next: number
}

export async function readStateless(
  call: Call,
  topic: string,
  positions: readonly Position[],
  options: StatelessOptions,
): Promise<ReadResult> {
  const maxBytes = Math.max(1, Math.floor(options.maxBytes / Math.max(1, positions.length)))
  const once = (waitMs: number, signal: AbortSignal) => (position: Position) =>
    readPartition({ http: call.http, signal }, topic, position, { ...options, maxBytes, waitMs })
  const [only] = positions
  if (only && positions.length === 1) {
    return result(positions, [await once(options.waitMs, call.signal)(only)])
  }
  const answers = await Promise.all(positions.map(once(0, call.signal)))
  if (options.waitMs === 0 || answers.some((answer, at) => says(answer, positions[at] as Position)))
    return result(positions, answers)
  return result(positions, await firstOf(positions, once, options.waitMs, call.signal))
}

const says = (answer: Answer, { offset }: Position): boolean =>
  answer === 'out of range' || answer.next !== offset

/**
 * A long poll of each partition, until one returns records. The reader gives up the others, which loses
 * nothing: the client keeps the positions, not the proxy.
 */
async function firstOf(
  positions: readonly Position[],
  once: (waitMs: number, signal: AbortSignal) => (position: Position) => Promise<Answer>,
  waitMs: number,
  signal: AbortSignal,
): Promise<Answer[]> {
  const enough = eitherSignal(signal)
  try {
    return await Promise.all(
      positions.map(async (position) => {
        try {
          const answer = await once(waitMs, enough.signal)(position)
          if (says(answer, position)) enough.abort()
          return answer
        } catch (error) {
          if (enough.signal.aborted && !signal.aborted) return { records: [], next: position.offset }
          throw error
        }
      }),
    )
  } finally {
    enough.done()
    // One that failed must not leave the others waiting.
    enough.abort()
  }
}

async function readPartition(
  { http, signal }: Call,
  topic: string,
  position: Position,
  { maxBytes, waitMs, isolation, logId }: StatelessOptions,
): Promise<Answer> {
  // All three parameters are mandatory (Redpanda, 400/40002), and so is the Accept header (406).
  const level = isolation === 'committed' ? '&isolation_level=read_committed' : ''
  const log = logId === undefined ? '' : `&log=${segment(logId)}`
  const query = `offset=${position.offset}&timeout=${Math.ceil(waitMs)}&max_bytes=${maxBytes}${level}${log}`
  const path = `/topics/${segment(topic)}/partitions/${position.partition}/records?${query}`
  const answer = await http.send({ method: 'GET', path, headers: { accept: V2_BINARY } }, signal)
  if (answer.status > 299) {
    if (logId !== undefined && answer.status === ANOTHER_LOG) return 'out of range'
    if (isOutOfRange(problemOf(answer))) return 'out of range'
    throw failure(answer, 'reading records')
  }
  // A cache that ignores the query could answer with the records of another log.
  if (logId !== undefined && (answer.headers.get('kedge-log-id') ?? logId) !== logId) return 'out of range'
  const { records } = readRecords(answer, topic, [position])
  const read = (records.at(-1)?.offset ?? position.offset - 1) + 1
  // The gateway sends the next offset, which lies past transaction markers that no record shows.
  const told = Number(answer.headers.get('kedge-next-offset') ?? Number.NaN)
  return { records, next: fits(told, offsetShape) ? Math.max(read, told) : read }
}

function result(positions: readonly Position[], answers: readonly Answer[]): ReadResult {
  const records = answers.flatMap((answer) => (answer === 'out of range' ? [] : answer.records))
  const outOfRange = positions
    .filter((_, at) => answers[at] === 'out of range')
    .map(({ partition }) => partition)
  const next = positions.map(({ partition, offset }, at) => {
    const answer = answers[at]
    return { partition, offset: answer === undefined || answer === 'out of range' ? offset : answer.next }
  })
  return { records, next, outOfRange }
}
