/**
 * Errors as Confluent's REST Proxy and Redpanda's HTTP Proxy write them: `{"error_code","message"}`.
 *
 * Codes: kafka-rest `Errors.java` and rest-utils `KafkaExceptionMapper`; Redpanda `pandaproxy/error.cc`.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import type { Context } from 'hono'
import type { NodeAnswer } from '../../node-answer.ts'
import { Refusal } from '../../refusal.ts'
import type { RefusalReason } from '../../refusal.ts'
import type { Service } from '../../service.ts'

/** HTTP status and `error_code`. */
export type ErrorTable = Readonly<Record<RefusalReason, readonly [status: number, code: number]>>

export const V2_ERRORS: ErrorTable = {
  malformed: [400, 400],
  invalid: [422, 422],
  'too-large': [413, 413],
  'unsupported-media': [415, 415],
  'not-acceptable': [406, 406],
  // rest-utils `KafkaExceptionMapper`: KAFKA_AUTHORIZATION_ERROR_CODE; Redpanda has the same.
  forbidden: [403, 40301],
  'unknown-topic': [404, 40401],
  'unknown-partition': [404, 40402],
  'unknown-instance': [404, 40403],
  // The same code as for an instance that expired: only the message tells them apart, as in kafka-rest.
  'not-hosted': [404, 40403],
  'unknown-cluster': [404, 404],
  'out-of-range': [500, 50002],
  exists: [400, 40002],
  'instance-exists': [409, 40902],
  'not-assigned': [409, 40903],
  'format-mismatch': [406, 40601],
  'instance-options': [422, 42204],
  undecodable: [408, 40801],
  busy: [429, 42901],
  unavailable: [503, 50302],
  unsupported: [501, 501],
}

export const V3_ERRORS: ErrorTable = { ...V2_ERRORS, 'unknown-topic': [404, 40403] }

/** Redpanda has one code for a malformed number and a position outside the log; the messages differ. */
export const REDPANDA_ERRORS: ErrorTable = {
  ...V2_ERRORS,
  malformed: [400, 40002],
  'out-of-range': [400, 40002],
  'unknown-topic': [404, 40402],
}

/** The handler of errors for a protocol that writes them in this way. */
export function confluentErrors(service: Service, table: ErrorTable, type: string) {
  return (error: unknown, c: Context): Response => {
    const refusal = refusalFrom(error, c, service)
    if (!refusal) return gone()
    const { status, body } = errorAnswer(refusal, table, {})
    return new Response(body, { status, headers: errorHeaders(refusal, type, c) })
  }
}

/** A refusal as such a protocol writes it; any other error without its text. */
export function errorAnswer(
  error: unknown,
  table: ErrorTable,
  headers: Record<string, string>,
): NodeAnswer & { readonly body: string } {
  const refusal = error instanceof Refusal ? error : undefined
  const [status, code] = refusal ? table[refusal.reason] : [500, 500]
  const message = refusal?.message ?? 'Internal Server Error'
  headers['cache-control'] = 'no-store'
  if (refusal?.retryAfter !== undefined) headers['retry-after'] = String(refusal.retryAfter)
  const body = JSON.stringify({ error_code: code, message })
  return { status, headers, body, length: Buffer.byteLength(body) }
}

/** A refusal, `'unexpected'` for a fault of the gateway, `undefined` for a client that is gone. */
export function refusalFrom(
  error: unknown,
  c: Context,
  service: Service,
): Refusal | 'unexpected' | undefined {
  if (error instanceof Refusal) {
    service.counters.refuse(error.reason)
    return error
  }
  if (c.req.raw.signal?.aborted) return undefined
  service.onError(error)
  return 'unexpected'
}

/** Headers of an error: those already set, its content type, and `Retry-After`. */
export function errorHeaders(refusal: Refusal | 'unexpected', type: string, c: Context): Headers {
  const headers = new Headers(c.res.headers)
  headers.set('content-type', type)
  if (refusal !== 'unexpected' && refusal.retryAfter !== undefined) {
    headers.set('retry-after', String(refusal.retryAfter))
  }
  return headers
}

/** For a client that has closed its connection: only the access log shows this status (nginx's 499). */
export const GONE = 499
export const gone = (): Response => new Response(null, { status: GONE })
