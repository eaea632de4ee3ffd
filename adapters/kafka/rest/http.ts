/**
 * One HTTP request to a proxy, and the errors for each way in which it can fail.
 *
 * The adapter follows no redirect, which would carry credentials to a stranger, and counts a body while it
 * streams in. It returns an answer of any status; `failure()` makes errors of those that are not successes.
 *
 * @module
 */
import { KedgeError } from '../../../src/ports/errors.ts'
import { promised, type Shape } from '../../answer-shape.ts'
import type { Credentials, Endpoint } from './endpoint.ts'
import type { HttpAnswer } from './http-answer.ts'
import { failure, parseJson } from './problem.ts'

export type { HttpAnswer } from './http-answer.ts'

/** The answer to a request that succeeded is too large: what was asked for has been done. */
export class AnswerTooLarge extends KedgeError {}

/** The most that is read of an error's body. */
const MAX_ERROR_BYTES = 65_536

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Below the endpoint's base address, encoded, with its query. */
  readonly path: string
  /** Instead of the endpoint's base path: where a consumer instance lives on the same origin. */
  readonly base?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Http {
  readonly endpoint: Endpoint
  /** An answer of any status but a redirect. @throws KedgeError `ERR_NETWORK`, `ERR_TOO_LARGE`, `ERR_HTTP`, `ERR_AUTH` */
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer>
  /** The answer of a successful request. @throws KedgeError as `send`, and for every status outside 200 to 299. */
  ask(request: HttpRequest, signal: AbortSignal, doing: string): Promise<HttpAnswer>
}

/** A call in progress: where it goes, and when it must end. */
export interface Call {
  readonly http: Http
  readonly signal: AbortSignal
}

export interface HttpLimits {
  readonly maxResponseBytes: number
  /** The platform's own, looked up at each call, where `undefined`. */
  readonly fetch: typeof fetch | undefined
}

export function http(endpoint: Endpoint, limits: HttpLimits): Http {
  async function send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    signal.throwIfAborted()
    const { headers, secrets } = await endpoint.credentials()
    const response = await respond(request, headers, signal)
    const { status } = response
    // Browsers hide a redirect behind status 0.
    if (status === 0 || (status >= 300 && status < 400)) {
      await response.body?.cancel().catch(() => undefined)
      throw new KedgeError(
        'ERR_HTTP',
        `${endpoint.origin} answers with a redirect, which kedge does not follow: set \`url\` to its target`,
      )
    }
    return { status, headers: response.headers, secrets, body: await body(response, signal) }
  }

  async function respond(
    request: HttpRequest,
    headers: Credentials['headers'],
    signal: AbortSignal,
  ): Promise<Response> {
    // As a plain function: platforms refuse to be called as a method of something else.
    const transport = limits.fetch ?? globalThis.fetch
    try {
      return await transport(`${endpoint.origin}${request.base ?? endpoint.path}${request.path}`, {
        method: request.method,
        // A cached answer proves nothing about the log. (Not the `cache` option: older Workers refuse it.)
        headers: { 'cache-control': 'no-cache', ...headers, ...request.headers },
        ...(request.body === undefined ? {} : { body: request.body }),
        redirect: 'manual',
        signal,
      })
    } catch (cause) {
      throw interrupted(cause, signal)
    }
  }

  function interrupted(cause: unknown, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason
    if (cause instanceof KedgeError) return cause
    return new KedgeError('ERR_NETWORK', `no answer from ${endpoint.origin}`, { cause, retryable: true })
  }

  async function body(response: Response, signal: AbortSignal): Promise<string> {
    const bound = response.ok ? limits.maxResponseBytes : MAX_ERROR_BYTES
    try {
      return await boundedText(response, bound, response.ok)
    } catch (cause) {
      throw interrupted(cause, signal)
    }
  }

  return {
    endpoint,
    send,
    async ask(request, signal, doing) {
      const answer = await send(request, signal)
      if (answer.status < 200 || answer.status > 299) throw failure(answer, doing)
      return answer
    },
  }
}

async function boundedText(response: Response, maxBytes: number, strict: boolean): Promise<string> {
  if (!response.body) return ''
  // Bytes that are not UTF-8 become replacement characters: what is checked is the JSON that they belong to.
  const decoder = new TextDecoder()
  const reader = response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>
  let length = 0
  let text = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    length += value.length
    if (length > maxBytes) {
      await reader.cancel().catch(() => undefined)
      if (!strict) return text
      throw new AnswerTooLarge('ERR_TOO_LARGE', `an answer is larger than \`maxResponseBytes\` (${maxBytes})`)
    }
    text += decoder.decode(value, { stream: true })
  }
}

/**
 * The value in the body of a successful answer.
 * @throws KedgeError `ERR_PROTOCOL` when it is not what the protocol promises; retryable when it is not even JSON,
 * because a load balancer's page goes away.
 */
export function parsed<T>(answer: HttpAnswer, shape: Shape<T>, doing: string): T {
  const value = parseJson(answer.body)
  if (value === undefined) {
    throw new KedgeError('ERR_PROTOCOL', `${doing}: the answer is not JSON`, { retryable: true })
  }
  return promised(value, shape, doing)
}

/** A segment of a path. Dots alone would climb. */
export function segment(name: string | number): string {
  let encoded = ''
  try {
    encoded = encodeURIComponent(name)
  } catch (cause) {
    throw new KedgeError('ERR_UNSUPPORTED', 'a name must be well-formed text', { cause })
  }
  if (/^\.{0,2}$/.test(encoded))
    throw new KedgeError('ERR_UNSUPPORTED', 'a name cannot be empty, `.` or `..`')
  return encoded
}
