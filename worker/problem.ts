/**
 * What went wrong, as `application/problem+json` (RFC 9457).
 *
 * `type` is always `about:blank`, so `title` is the phrase of the status, as the RFC asks; `code` is what a
 * program tells problems apart by. An error that is not known here becomes a generic 500: its message, stack and
 * cause never leave the worker.
 *
 * @module
 */
import { isKedgeError, type KedgeErrorCode } from '../src/ports/errors.ts'

/** The codes of the worker itself. Errors of the cache keep their own, see `KedgeErrorCode`. */
export type WorkerProblemCode =
  | 'ERR_BAD_REQUEST'
  | 'ERR_UNAUTHORIZED'
  | 'ERR_FORBIDDEN'
  | 'ERR_NO_VALUE'
  | 'ERR_UNKNOWN_NAMESPACE'
  | 'ERR_UNKNOWN_ROUTE'
  | 'ERR_METHOD'
  | 'ERR_MEDIA_TYPE'
  | 'ERR_ORIGIN'
  | 'ERR_ORIGIN_TIMEOUT'
  | 'ERR_ORIGIN_REFUSED'
  | 'ERR_NOT_READY'
  | 'ERR_MISCONFIGURED'
  | 'ERR_INTERNAL'

const TITLES = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  421: 'Misdirected Request',
  422: 'Unprocessable Content',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
} as const

export type ProblemStatus = keyof typeof TITLES

export interface ProblemOptions {
  readonly headers?: Readonly<Record<string, string>>
  readonly cause?: unknown
  /** The version of the row that stands, where a write was refused for it. */
  readonly version?: number | undefined
}

/** An answer that is not what was asked for. `message` is shown to strangers: no secrets, no internals. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly status: ProblemStatus
  readonly code: WorkerProblemCode | KedgeErrorCode
  readonly headers: Readonly<Record<string, string>>
  readonly version: number | undefined

  constructor(
    status: ProblemStatus,
    code: WorkerProblemCode | KedgeErrorCode,
    detail: string,
    options: ProblemOptions = {},
  ) {
    super(detail, 'cause' in options ? { cause: options.cause } : undefined)
    this.status = status
    this.code = code
    this.headers = options.headers ?? {}
    this.version = options.version
  }

  toResponse(): Response {
    const { status, code, version, message: detail } = this
    const body = { type: 'about:blank', title: TITLES[status], status, detail, code, version }
    return new Response(JSON.stringify(body), {
      status,
      headers: { 'cache-control': 'no-store', 'content-type': 'application/problem+json', ...this.headers },
    })
  }
}

/** How each error of the cache is answered. The texts are fixed: an error's own message may name hosts and topics. */
const OF_CACHE: Readonly<Record<KedgeErrorCode, readonly [ProblemStatus, string]>> = {
  ERR_TOKEN: [400, 'The kedge token cannot be read.'],
  ERR_CODEC: [400, 'The value cannot be encoded.'],
  ERR_SUPERSEDED: [
    409,
    'A higher version of the row stands. The key was evicted; the value was not written.',
  ],
  ERR_TOO_LARGE: [413, 'The message is larger than the log takes.'],
  ERR_UNSUPPORTED: [501, 'The configured log cannot do this.'],
  ERR_AUTH: [502, 'The log refuses the credentials of this worker.'],
  ERR_HTTP: [502, 'The log answered with an error.'],
  ERR_PROTOCOL: [502, 'The log answered with something else than its protocol.'],
  ERR_UNKNOWN_TOPIC: [502, 'The log does not know the topic.'],
  ERR_NETWORK: [503, 'The log is out of reach.'],
  ERR_UNREACHABLE: [503, 'Freshness could not be proved: the log is out of reach.'],
  ERR_RATE_LIMITED: [503, 'The log asked to be left alone for a while.'],
  ERR_OVERLOADED: [503, 'Too many loads at once.'],
  ERR_CLOSED: [503, 'The cache is closed.'],
  ERR_PUBLISH: [
    503,
    'The eviction was not acknowledged: it may or may not be in the log. Repeat the request.',
  ],
  ERR_TIMEOUT: [504, 'The log did not answer in time.'],
  ERR_STORE_TIMEOUT: [504, 'The value could not be stored in time.'],
  ERR_LOADER_TIMEOUT: [504, 'The value could not be loaded in time.'],
}

/** How long a client is asked to wait where the error does not say, in seconds. */
const RETRY_AFTER_S = 1

/** The problem that an error stands for; `undefined` for an unexpected one. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error
  if (!isKedgeError(error)) return undefined
  // A code of another release of the package may be unknown here.
  const known = Object.hasOwn(OF_CACHE, error.code) ? OF_CACHE[error.code] : undefined
  if (known === undefined) return undefined
  const [status, detail] = known
  const seconds = error.retryAfterMs === undefined ? RETRY_AFTER_S : Math.ceil(error.retryAfterMs / 1000)
  const headers = status === 503 ? { 'retry-after': String(Math.max(RETRY_AFTER_S, seconds)) } : undefined
  const { version } = error
  return new Problem(status, error.code, detail, { cause: error, version, ...(headers && { headers }) })
}

/** The answer to an unexpected error. */
export const internalProblem = (): Problem => new Problem(500, 'ERR_INTERNAL', 'The worker failed.')
