/**
 * The routes of a tail, on Web standards alone:
 *
 *     GET /tail/{topic}/{partition}?max_age=&question=[&from=][&held=1]
 *     GET /tail/{topic}/{partition}/records?offset=&max_bytes=&log=
 *
 * @module
 */
import { isKedgeError, type KedgeErrorCode } from '../../../src/ports/errors.ts'
import { encodeProof, encodeRecord } from './proof.ts'
import { flagOf, Malformed, nameOf, numberOf } from './query.ts'
import type { TailState } from './state.ts'

export const PROOF_TYPE = 'application/vnd.kedge.proof+json'

const PATH = /\/tail\/([\w.-]{1,249})\/(\d{1,9})(\/records)?$/

/** HTTP has no status for most of them: what a client may do about it decides. */
const STATUS: Partial<Record<KedgeErrorCode, number>> = {
  ERR_UNKNOWN_TOPIC: 404,
  ERR_RATE_LIMITED: 429,
  ERR_AUTH: 502,
  ERR_UNSUPPORTED: 501,
}

/** Answers a request; never rejects. The caller has made sure of who asks. */
export async function answerTail(state: TailState, request: Request): Promise<Response> {
  try {
    return await answered(state, request)
  } catch (error) {
    if (error instanceof Malformed) return problem(400, error.message)
    if (!isKedgeError(error)) return problem(500, 'the tail has failed')
    const status = STATUS[error.code] ?? 503
    const waitS = Math.ceil((error.retryAfterMs ?? 1000) / 1000)
    return problem(
      status,
      error.message,
      status === 429 || status === 503 ? { 'retry-after': String(waitS) } : {},
    )
  }
}

async function answered(state: TailState, request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url)
  const [, topic, number, records] = PATH.exec(pathname) ?? []
  if (topic === undefined || /^\.+$/.test(topic)) return problem(404, 'there is no such resource')
  if (request.method !== 'GET') return problem(405, 'only GET is allowed', { allow: 'GET' })
  const partition = Number(number)
  if (records === undefined) {
    const proof = await state.proof({
      topic,
      partition,
      maxAgeMs: numberOf(searchParams, 'max_age') ?? 0,
      from: numberOf(searchParams, 'from'),
      held: flagOf(searchParams, 'held'),
      question: nameOf(searchParams, 'question'),
    })
    return json(200, encodeProof(proof), PROOF_TYPE)
  }
  const asked = {
    offset: numberOf(searchParams, 'offset'),
    maxBytes: numberOf(searchParams, 'max_bytes'),
    logId: nameOf(searchParams, 'log'),
  }
  const { offset, maxBytes, logId } = asked
  if (offset === undefined || maxBytes === undefined || logId === undefined)
    throw new Malformed('`offset`, `max_bytes` and `log` must be given')
  const found = await state.records({ topic, partition, offset, maxBytes, logId })
  const isThere = found !== undefined && found.outOfRange.length === 0
  const next = isThere
    ? (found.next.find((position) => position.partition === partition)?.offset ?? offset)
    : undefined
  return json(200, JSON.stringify({ next, records: isThere ? found.records.map(encodeRecord) : [] }))
}

const json = (
  status: number,
  body: string,
  type = 'application/json',
  headers: Record<string, string> = {},
) =>
  new Response(body, { status, headers: { 'content-type': type, 'cache-control': 'no-store', ...headers } })

const problem = (status: number, message: string, headers?: Record<string, string>) =>
  json(status, JSON.stringify({ error_code: status, message }), 'application/json', headers)
