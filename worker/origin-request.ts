/** One request to the origin: its headers, its time, and what its failures mean. @module */
import { eitherSignal } from '../src/runtime/abort.ts'
import { BodyError, isJson, readJson } from './body.ts'
import { Problem } from './problem.ts'

export interface OriginRequestOptions {
  readonly token?: string
  readonly timeoutMs?: number
  readonly fetch?: (input: string, init: RequestInit) => Promise<Response>
  readonly deadline?: (ms: number) => AbortSignal
}

/** One request: `take` reads its response, within the same time. */
export type OriginRequest = <T>(
  address: string,
  init: RequestInit,
  take: (response: Response) => Promise<T>,
  signal?: AbortSignal,
) => Promise<T>

export function requester({ token, timeoutMs = 10_000, ...options }: OriginRequestOptions): OriginRequest {
  const { deadline = (ms) => AbortSignal.timeout(ms) } = options
  const call = options.fetch ?? ((input, init) => globalThis.fetch(input, init))

  return async (address, init, take, signal) => {
    const limit = deadline(timeoutMs)
    const either = eitherSignal(limit, signal)
    const headers = new Headers({ accept: 'application/json' })
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
    if (init.body !== undefined) headers.set('content-type', 'application/json')
    const send = async (): Promise<Response> => {
      try {
        return await call(address, {
          ...init,
          headers,
          // A cache on the way would hand out what an eviction has already declared invalid.
          cache: 'no-store',
          // A redirect could lead anywhere, with the token.
          redirect: 'manual',
          signal: either.signal,
        })
      } catch (cause) {
        if (signal?.aborted) throw signal.reason
        if (limit.aborted) throw originTimeout(cause)
        throw originFailed('The origin is out of reach.', cause)
      }
    }
    try {
      return await take(await send())
    } finally {
      either.done()
    }
  }
}

/** The JSON in a response. @throws Problem where it holds none, or the origin failed. */
export async function valueIn(response: Response, maxBytes: number, signal: AbortSignal): Promise<unknown> {
  if (response.status !== 200 || !isJson(response.headers.get('content-type'))) {
    await discard(response)
    throw response.status === 200
      ? originFailed('The origin answered with something else than JSON.')
      : failureOf(response)
  }
  try {
    return await readJson(response, maxBytes)
  } catch (cause) {
    if (signal.aborted) throw signal.reason
    if (isTimeout(cause)) throw originTimeout(cause)
    throw originFailed(
      cause instanceof BodyError && cause.fault === 'inexact'
        ? `The origin answered with the number ${cause.number}, which would be rounded: it must be a text.`
        : 'The answer of the origin cannot be read.',
      cause,
    )
  }
}

const isTimeout = (error: unknown): boolean =>
  error instanceof BodyError && error.cause instanceof DOMException && error.cause.name === 'TimeoutError'

/** Lets the connection go without reading what is not needed. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => undefined)
}

export const originFailed = (detail: string, cause?: unknown): Problem =>
  new Problem(502, 'ERR_ORIGIN', detail, { cause })

const originTimeout = (cause: unknown): Problem =>
  new Problem(504, 'ERR_ORIGIN_TIMEOUT', 'The origin did not answer in time.', { cause })

export function failureOf(response: Response): Problem {
  const { status } = response
  if (status !== 429 && status !== 503) return originFailed(`The origin answered with status ${status}.`)
  const after = response.headers.get('retry-after') ?? ''
  const headers = { 'retry-after': /^\d{1,6}$/.test(after) ? after : '1' }
  return new Problem(503, 'ERR_ORIGIN', 'The origin is overloaded: try again later.', { headers })
}
