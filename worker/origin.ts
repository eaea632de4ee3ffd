/**
 * The origin: the service behind the cache that a value is read from, and written to, over HTTP.
 *
 * | | |
 * |---|---|
 * | `GET {url}/{namespace}/{key}` | 200 `{ "value": …, "tags"?: […] }`, or 404 where there is no value |
 * | `PUT {url}/{namespace}/{key}` | body `{ "value": … }`; any 2xx once it is committed |
 *
 * @module
 */
import * as z from 'zod'
import { BodyError, isJson, readJson } from './body.ts'
import { Problem } from './problem.ts'
import { Tags } from './schemas.ts'

/** A value with its tags. */
export interface OriginValue {
  readonly value: unknown
  readonly tags: readonly string[]
}

export interface Origin {
  /** `undefined` where there is no such value. Rejects with a {@link Problem}, or with `signal.reason`. */
  read(namespace: string, key: string, signal: AbortSignal): Promise<OriginValue | undefined>
  /** Resolves once the value is committed. Rejects with a {@link Problem}: see {@link OriginWriteError}. */
  write(namespace: string, key: string, value: unknown): Promise<void>
}

/** A write that failed, or of which it is not known whether it did. */
export class OriginWriteError extends Problem {
  /** Whether the value may be committed all the same: no answer came, or one that tells nothing. */
  readonly maybeCommitted: boolean

  constructor(problem: Problem, maybeCommitted: boolean) {
    const { status, code, message, headers, cause } = problem
    super(status, code, message, { headers, cause })
    this.maybeCommitted = maybeCommitted
  }
}

export interface OriginOptions {
  /** Where it is: `http:` or `https:`, with a path if need be, without query. */
  readonly url: string
  /** A bearer token for the origin. @default none */
  readonly token?: string
  /** How long one request may take, in milliseconds. @default 10_000 */
  readonly timeoutMs?: number
  /** The largest answer, in bytes. @default 1_000_000 */
  readonly maxBytes?: number
  /** @default the platform's own, looked up at call time */
  readonly fetch?: (input: string, init: RequestInit) => Promise<Response>
  /** A signal that aborts after so many milliseconds. @default `AbortSignal.timeout` */
  readonly deadline?: (ms: number) => AbortSignal
}

const Answer = z.object({ value: z.unknown(), tags: Tags.default([]) })

/**
 * An origin that is reached over HTTP.
 * @throws TypeError when `url` is not an address that keys can be appended to
 */
export function httpOrigin(options: OriginOptions): Origin {
  const { token, timeoutMs = 10_000, maxBytes = 1_000_000 } = options
  const { deadline = (ms) => AbortSignal.timeout(ms) } = options
  const call = options.fetch ?? ((input, init) => globalThis.fetch(input, init))
  const base = baseOf(options.url)

  async function request(address: string, init: RequestInit, signal?: AbortSignal): Promise<Response> {
    const limit = deadline(timeoutMs)
    const headers = new Headers({ accept: 'application/json' })
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
    if (init.body !== undefined) headers.set('content-type', 'application/json')
    try {
      return await call(address, {
        ...init,
        headers,
        // A cache on the way would hand out what an eviction has already declared invalid.
        cache: 'no-store',
        // A redirect could lead anywhere, with the token.
        redirect: 'manual',
        signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
      })
    } catch (cause) {
      if (signal?.aborted) throw signal.reason
      if (limit.aborted) throw originTimeout(cause)
      throw originFailed('The origin is out of reach.', cause)
    }
  }

  return {
    async read(namespace, key, signal) {
      const response = await request(addressOf(base, namespace, key), { method: 'GET' }, signal)
      if (response.status === 404) {
        await discard(response)
        return undefined
      }
      if (response.status !== 200 || !isJson(response.headers.get('content-type'))) {
        await discard(response)
        throw response.status === 200
          ? originFailed('The origin answered with something else than JSON.')
          : failureOf(response)
      }
      const body = await readJson(response, maxBytes).catch((cause: unknown) => {
        if (signal.aborted) throw signal.reason
        throw isTimeout(cause)
          ? originTimeout(cause)
          : originFailed('The answer of the origin cannot be read.', cause)
      })
      const answer = Answer.safeParse(body)
      if (!answer.success) throw originFailed('The answer of the origin holds no value.', answer.error)
      return answer.data
    },
    async write(namespace, key, value) {
      const address = addressOf(base, namespace, key)
      const response = await request(address, { method: 'PUT', body: JSON.stringify({ value }) }).catch(
        (problem: Problem) => {
          throw new OriginWriteError(problem, true)
        },
      )
      await discard(response)
      if (!response.ok) throw refusalOf(response)
    },
  }
}

/** Whether the deadline passed while the body arrived. */
const isTimeout = (error: unknown): boolean =>
  error instanceof BodyError && error.cause instanceof DOMException && error.cause.name === 'TimeoutError'

function baseOf(url: string): string {
  const base = URL.canParse(url) ? new URL(url) : undefined
  const isHttp = base?.protocol === 'http:' || base?.protocol === 'https:'
  if (base === undefined || !isHttp || base.search !== '' || base.hash !== '' || base.username !== '') {
    throw new TypeError('`url` must be an http or https address without user, query and fragment')
  }
  return base.href.replace(/\/+$/, '')
}

/** Dots alone would be taken for steps through the path, encoded or not, and lead out of the namespace. */
function addressOf(base: string, namespace: string, key: string): string {
  if (/^\.{1,2}$/.test(key) || /^\.{1,2}$/.test(namespace)) {
    throw new Problem(400, 'ERR_BAD_REQUEST', 'The keys `.` and `..` have no address at the origin.')
  }
  return `${base}/${namespace}/${encodeURIComponent(key)}`
}

/** Lets the connection go without reading what is not needed. */
async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => undefined)
}

const originFailed = (detail: string, cause?: unknown): Problem =>
  new Problem(502, 'ERR_ORIGIN', detail, { cause })

const originTimeout = (cause: unknown): Problem =>
  new Problem(504, 'ERR_ORIGIN_TIMEOUT', 'The origin did not answer in time.', { cause })

function failureOf(response: Response): Problem {
  const { status } = response
  if (status !== 429 && status !== 503) return originFailed(`The origin answered with status ${status}.`)
  const after = response.headers.get('retry-after') ?? ''
  const headers = { 'retry-after': /^\d{1,6}$/.test(after) ? after : '1' }
  return new Problem(503, 'ERR_ORIGIN', 'The origin asked to be left alone for a while.', { headers })
}

/** Refusals of the value itself are the client's to mend and pass through; all else is the origin's failure. */
function refusalOf(response: Response): OriginWriteError {
  const { status } = response
  const refused = 'ERR_ORIGIN_REFUSED'
  switch (status) {
    case 400:
    case 409:
    case 412:
    case 413:
    case 422:
      return new OriginWriteError(new Problem(status, refused, 'The origin refuses the value.'), false)
    case 404:
      return new OriginWriteError(new Problem(404, refused, 'The origin knows no such key.'), false)
    default:
      return new OriginWriteError(failureOf(response), status >= 500)
  }
}
