/** Turns the refusals of a proxy into errors of kedge. @module */
import { KedgeError, type KedgeErrorCode } from '../../../src/ports/errors.ts'
import { fields, fits, number, optional, text as string } from '../../answer-shape.ts'
import type { HttpAnswer } from './http-answer.ts'

/** The longest text of a stranger that gets into a message. */
const MAX_TEXT = 200
/** A pause that a proxy asks for is capped at a day. */
const MAX_RETRY_AFTER_MS = 86_400_000

/** The body of an error, by any of the proxies. */
export interface Problem {
  /** Five digits (Confluent, Karapace), or the HTTP status (Strimzi, Upstash, HTML of a load balancer). */
  readonly code: number
  /** Empty where the body is no JSON: load balancers and rate limiters answer in HTML. */
  readonly text: string
}

// Confluent and Strimzi: `{ error_code, message }`. Upstash: `{ error, status }`.
const problemBody = fields({
  error_code: optional(number),
  message: optional(string),
  error: optional(string),
})

export function problemOf(answer: HttpAnswer): Problem {
  const body = parseJson(answer.body)
  if (!fits(body, problemBody)) return { code: answer.status, text: '' }
  return { code: body.error_code ?? answer.status, text: body.message ?? body.error ?? '' }
}

/** The value of a JSON text, or `undefined` where it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/**
 * Whether the consumer instance is gone (expired, or on another node). Code 40403 alone does not show it:
 * kafka-rest also uses it for a partition that a broker does not host, Karapace for an unknown topic.
 */
export function isInstanceGone({ code, text }: Problem): boolean {
  return (code === 40403 || code === 404) && /consumer (instance|for)\b/i.test(text)
}

function isUnknownTopic(problem: Problem): boolean {
  const { code, text } = problem
  if (code === 40401 || code === 40402) return true
  return (code === 40403 || code === 404) && !isInstanceGone(problem) && /topic|partition/i.test(text)
}

/** Redpanda and the gateway say so with 400/40002, consumers without a reset policy with 500/50002. */
export function isOutOfRange({ text }: Problem): boolean {
  return /offset_?\s?out_?\s?of_?\s?range|is out of range/i.test(text)
}

/** The error for an answer that is not a success. `doing` names the call that failed. */
export function failure(answer: HttpAnswer, doing: string): KedgeError {
  const problem = problemOf(answer)
  const { code, retryable } = classify(answer.status, problem)
  const retryAfterMs = retryAfter(answer.headers)
  const detail = problem.code === answer.status ? '' : ` (${problem.code})`
  const said = problem.text === '' ? '' : `: ${printable(problem.text, answer.secrets)}`
  return new KedgeError(code, `${doing}: HTTP ${answer.status}${detail}${said}`, {
    retryable,
    retryAfterMs,
  })
}

/** The error of one record in an answer of status 200, or of a whole answer. */
export function classify(status: number, problem: Problem): { code: KedgeErrorCode; retryable: boolean } {
  const { code } = problem
  if (status === 401 || status === 403 || status === 407 || code === 40101 || code === 40301) {
    return { code: 'ERR_AUTH', retryable: false }
  }
  if (status === 429 || code === 42901) return { code: 'ERR_RATE_LIMITED', retryable: true }
  if (status === 413) return { code: 'ERR_TOO_LARGE', retryable: false }
  if (isUnknownTopic(problem)) return { code: 'ERR_UNKNOWN_TOPIC', retryable: false }
  if (status === 405 || status === 501) return { code: 'ERR_UNSUPPORTED', retryable: false }
  return { code: 'ERR_HTTP', retryable: status >= 500 || status === 408 || status === 425 }
}

/** A stranger's text, short, on one line, without what must stay secret. */
export function printable(text: string, secrets: readonly string[] = []): string {
  let clean = text
  for (const secret of secrets) if (secret !== '') clean = clean.replaceAll(secret, '***')
  // Control and format characters could forge lines of a log.
  clean = clean.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
  return clean.length > MAX_TEXT ? `${clean.slice(0, MAX_TEXT)}…` : clean
}

/** Seconds or a date (RFC 9110, section 10.2.3); Confluent Cloud also has `X-RateLimit-Reset`, in seconds. */
function retryAfter(headers: Headers): number | undefined {
  const value = headers.get('retry-after') ?? headers.get('x-ratelimit-reset')
  if (value === null) return undefined
  const ms = /^\d+(\.\d+)?$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(Math.ceil(ms), 0), MAX_RETRY_AFTER_MS)
}

/** Kafka's own error codes, which some proxies pass on as they are: `org.apache.kafka.common.protocol.Errors`. */
export const OFFSET_OUT_OF_RANGE = 1

/** The codes for which kedge has a code of its own. */
const NAMED: Readonly<Record<number, KedgeErrorCode>> = {
  3: 'ERR_UNKNOWN_TOPIC', // UNKNOWN_TOPIC_OR_PARTITION
  10: 'ERR_TOO_LARGE', // MESSAGE_TOO_LARGE
  17: 'ERR_UNKNOWN_TOPIC', // INVALID_TOPIC_EXCEPTION
  18: 'ERR_TOO_LARGE', // RECORD_LIST_TOO_LARGE
  29: 'ERR_AUTH', // TOPIC_AUTHORIZATION_FAILED
  30: 'ERR_AUTH', // GROUP_AUTHORIZATION_FAILED
  31: 'ERR_AUTH', // CLUSTER_AUTHORIZATION_FAILED
  35: 'ERR_UNSUPPORTED', // UNSUPPORTED_VERSION
  53: 'ERR_AUTH', // TRANSACTIONAL_ID_AUTHORIZATION_FAILED
  58: 'ERR_AUTH', // SASL_AUTHENTICATION_FAILED
  65: 'ERR_AUTH', // DELEGATION_TOKEN_AUTHORIZATION_FAILED
  89: 'ERR_RATE_LIMITED', // THROTTLING_QUOTA_EXCEEDED
  100: 'ERR_UNKNOWN_TOPIC', // UNKNOWN_TOPIC_ID
}

/** What Kafka calls retriable, of the codes that a produce or a fetch can meet. */
const RETRIABLE: ReadonlySet<number> = new Set([
  2, 5, 6, 7, 8, 9, 13, 14, 15, 16, 19, 20, 41, 56, 70, 71, 74, 75, 78, 89, 103,
])

/** The error for one of Kafka's codes. `doing` names the call that failed. */
export function kafkaError(code: number, doing: string): KedgeError {
  const named = NAMED[code] ?? 'ERR_HTTP'
  return new KedgeError(named, `${doing}: Kafka answers with its code ${code}`, {
    retryable: RETRIABLE.has(code),
  })
}
