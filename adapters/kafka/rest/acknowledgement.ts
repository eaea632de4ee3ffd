/** Which records a proxy acknowledged: HTTP 200 says nothing about that. @module */
import { isRefused, KedgeError } from '../../../src/ports/errors.ts'
import type { Position } from '../../../src/ports/kafka-log.ts'
import { AnswerTooLarge } from './http.ts'
import { classify, printable } from './problem.ts'

/** What a proxy answers for one record. */
export interface Report {
  readonly partition?: number | null | undefined
  readonly offset?: number | null | undefined
  readonly error_code?: number | null | undefined
  readonly error?: string | null | undefined
  readonly message?: string | null | undefined
}

/** A write that did not go well as a whole: what came of each record, in their order. */
export class RecordFailures extends KedgeError {
  readonly results: readonly (Position | KedgeError)[]

  constructor(whole: KedgeError, results: readonly (Position | KedgeError)[]) {
    super(whole.code, whole.message, { cause: whole.cause ?? whole, retryable: whole.retryable })
    this.results = results
  }
}

/**
 * The positions, where every record has one.
 * @throws KedgeError `ERR_PUBLISH` where the proxy failed a record, left it out of the answer, or gave it no
 * offset: -1 (Karapace, for empty values) and null are not acknowledgements. The refusal where it refused every record.
 * `RecordFailures` where the answer has a word on each.
 */
export function acknowledged(
  reports: readonly Report[],
  expected: number,
  secrets: readonly string[],
): Position[] {
  const results = reports.map((report) => resultOf(report, secrets))
  const positions = results.flatMap((result) => (result instanceof KedgeError ? [] : [result]))
  const failures = results.filter((_, at) => isFailure(reports[at]!)) as KedgeError[]
  if (failures.length === 0 && positions.length === expected) return positions
  const whole =
    failures.length > 0
      ? notWritten(failures, expected)
      : notAcknowledged(`the proxy acknowledged ${positions.length} of ${expected} records`)
  throw results.length === expected ? new RecordFailures(whole, results) : whole
}

function resultOf(report: Report, secrets: readonly string[]): Position | KedgeError {
  const { partition, offset, error_code: code, message, error } = report
  if (isFailure(report)) return recordError(code ?? 0, message ?? error ?? '', secrets)
  if (isPlace(partition) && isPlace(offset)) return { partition, offset }
  return notAcknowledged('the proxy did not acknowledge the record')
}

const notAcknowledged = (message: string): KedgeError =>
  new KedgeError('ERR_PUBLISH', message, { retryable: true })

/** For a record that was written, v2 leaves the code out or writes null; v3 writes 200. */
const isFailure = ({ error_code: code }: Report): boolean =>
  code !== undefined && code !== null && code !== 0 && code !== 200

const isPlace = (value: number | null | undefined): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

function recordError(code: number, text: string, secrets: readonly string[]): KedgeError {
  // In v2, 1 and 2 are "Kafka error" and "retriable Kafka error" (kafka-rest ProduceResponse); 3-digit codes are
  // HTTP's, 5-digit ones begin with HTTP's.
  const status = code > 9999 ? Math.trunc(code / 100) : code
  const kind = classify(status, { code, text })
  // Kafka's own code 3, which Redpanda passes through, and the text of Karapace.
  const missing = code === 3 || /does not host this topic|does not exist on this broker/i.test(text)
  // kafka-rest and Strimzi's bridge write this for a missing topic and also for brokers that do not answer.
  const mayBeMissing = /not present in metadata/i.test(text)
  if (TOO_LARGE.test(text)) return new KedgeError('ERR_TOO_LARGE', `code ${code} ${printable(text, secrets)}`)
  return new KedgeError(
    missing || mayBeMissing ? 'ERR_UNKNOWN_TOPIC' : kind.code,
    `code ${code} ${printable(text, secrets)}`,
    {
      retryable: mayBeMissing || (!missing && (code === 2 || kind.retryable) && code !== 50002),
    },
  )
}

/**
 * The two sentences of Kafka's `RecordTooLargeException`, of its producer and of a broker, which kafka-rest's v2 passes on with
 * the code 1 of any "Kafka error"; and that of the gateway, with 50002.
 */
const TOO_LARGE =
  /larger than [^]{0,80}max\.request\.size|larger than the max message size the server will accept|^The record is larger than the cluster accepts/

/**
 * The error of a write of which some records failed: the refusal, where all were refused.
 *
 * @param all how many could fail
 */
export function notWritten(failures: readonly KedgeError[], all: number): KedgeError {
  const cause = failures.find((each) => !isRefused(each)) ?? failures[0]!
  const { message, retryable } = cause
  // A topic that may only be missing: its brokers may be away as well.
  const isSure = cause.code !== 'ERR_UNKNOWN_TOPIC' || !retryable
  if (isSure && failures.length >= all && isRefused(cause)) return cause
  return new KedgeError('ERR_PUBLISH', `Kafka refused a record: ${message}`, { cause, retryable })
}

/** The same failure, as one of publishing. Aborts and refusals of the whole write pass through untouched. */
export function publishError(error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted || !(error instanceof KedgeError) || error.code === 'ERR_PUBLISH') return error
  if (isRefused(error) && !(error instanceof AnswerTooLarge)) return error
  return new KedgeError('ERR_PUBLISH', `the proxy did not acknowledge the records: ${error.message}`, {
    cause: error,
    retryable: error.retryable,
    retryAfterMs: error.retryAfterMs,
  })
}
