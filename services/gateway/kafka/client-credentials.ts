/** Tokens of an OAuth 2.0 authorization server, by client credentials (RFC 6749, section 4.4). @module */
import { Buffer } from 'node:buffer'
import * as z from 'zod/mini'
import { systemRuntime } from '../../../src/ports/runtime.ts'
import type { Runtime } from '../../../src/ports/runtime.ts'
import { withDeadline } from '../../../src/runtime/deadline.ts'
import { durationMs } from '../../../src/runtime/duration.ts'
import type { Duration } from '../../../src/runtime/duration.ts'
import { isLoopback } from '../loopback.ts'
import { TokenError } from './sasl.ts'

export interface ClientCredentialsOptions {
  /** The token endpoint: `https:`, or `http:` on a loopback address. Redirects are not followed. */
  readonly tokenUrl: string
  readonly clientId: string
  readonly clientSecret: string
  /** Scopes with spaces between them. @default those that the server gives */
  readonly scope?: string
  /** How long one request may take, its answer included. @default '5s' */
  readonly timeout?: Duration
  /** @default the platform's own */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>
  /** Clocks and timers. @default `systemRuntime()` */
  readonly runtime?: Pick<Runtime, 'monotonic' | 'sleep'>
}

const MAX_ANSWER_BYTES = 131_072
/** A token is replaced after this part of its life, as Kafka's `sasl.login.refresh.window.factor`. */
const REFRESH_AFTER = 0.8
/** The life of a token whose answer names none. */
const UNNAMED_LIFE_S = 60
/** After a failure the endpoint is left alone for so long: each broker's connection would ask it again. */
const PAUSE_MS = 1000

const Answer = z.object({
  access_token: z.string().check(z.minLength(1)),
  token_type: z.string().check(z.regex(/^bearer$/i)),
  expires_in: z.optional(z.number().check(z.gte(1))),
})

/** RFC 6749, section 5.2: the codes alone are shown, never what the server says beside them. */
const ERROR_CODE = /^[a-z_]{1,64}$/

interface Held {
  readonly token: string
  readonly renewAt: number
  readonly endsAt: number
}

/**
 * Gives the current token, and asks for the next one before it ends: one request at a time, for all connections. Where that
 * fails, the current one is given as long as it lasts.
 *
 * The client authenticates by `Authorization: Basic` (RFC 6749, 2.3.1).
 *
 * @throws TypeError for wrong options. The function that it returns rejects where no token can be had.
 * @example
 * ```ts
 * import { clientCredentials, kafkaCluster } from 'kedge/gateway'
 *
 * const token = clientCredentials({
 *   tokenUrl: 'https://login.example/oauth2/token',
 *   clientId: 'kedge',
 *   clientSecret: 's3cret',
 * })
 * const cluster = kafkaCluster({ brokers: ['kafka-1:9093'], tls: true, sasl: { mechanism: 'OAUTHBEARER', token } })
 * ```
 */
export function clientCredentials(options: ClientCredentialsOptions): () => Promise<string> {
  const request = requestOf(options)
  const { runtime = systemRuntime() } = options
  let held: Held | undefined
  let failed: { readonly error: unknown; readonly at: number } | undefined
  let asking: Promise<string> | undefined

  async function renewed(): Promise<string> {
    const began = runtime.monotonic()
    try {
      const { token, lifeMs } = await request()
      held = { token, renewAt: began + lifeMs * REFRESH_AFTER, endsAt: began + lifeMs }
      failed = undefined
      return token
    } catch (error) {
      failed = { error, at: runtime.monotonic() }
      return usable(error)
    }
  }

  function usable(error: unknown): string {
    if (held !== undefined && runtime.monotonic() < held.endsAt) return held.token
    throw error
  }

  return async () => {
    const now = runtime.monotonic()
    if (held !== undefined && now < held.renewAt) return held.token
    if (failed !== undefined && now < failed.at + PAUSE_MS) return usable(failed.error)
    asking ??= renewed().finally(() => (asking = undefined))
    return asking
  }
}

type Fetched = () => Promise<{ readonly token: string; readonly lifeMs: number }>

function requestOf(options: ClientCredentialsOptions): Fetched {
  const { tokenUrl, clientId, clientSecret, scope, runtime = systemRuntime() } = options
  const url = urlOf(tokenUrl)
  for (const [name, value] of Object.entries({ clientId, clientSecret }))
    if (typeof value !== 'string' || value === '') throw new TypeError(`\`${name}\` must be a text`)
  if (scope !== undefined && !/^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/.test(scope))
    throw new TypeError('`scope` must be scopes with one space between them')
  const ms = durationMs(options.timeout ?? '5s', 'timeout')
  const call = options.fetch ?? ((address, init) => globalThis.fetch(address, init))
  const init: RequestInit = {
    method: 'POST',
    headers: {
      accept: 'application/json',
      authorization: `Basic ${Buffer.from(`${formed(clientId)}:${formed(clientSecret)}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      ...(scope !== undefined && { scope }),
    }).toString(),
    redirect: 'error',
  }
  const late = () => new TokenError('The token endpoint did not answer in time.', { refused: false })
  return () =>
    withDeadline(runtime, ms, late, async (signal) => {
      const response = await call(url, { ...init, signal }).catch((cause: unknown) => {
        signal.throwIfAborted()
        throw new TokenError('The token endpoint cannot be reached.', { refused: false, cause })
      })
      const text = await textOf(response).catch((cause: unknown) => {
        signal.throwIfAborted()
        if (cause instanceof TokenError) throw cause
        throw new TokenError('The answer of the token endpoint broke off.', { refused: false, cause })
      })
      return tokenIn(response, text)
    })
}

/** As a form has it: RFC 6749, 2.3.1 and appendix B. */
const formed = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1)

function urlOf(given: string): string {
  const url = URL.canParse(given) ? new URL(given) : undefined
  const host = url?.hostname.replace(/^\[|\]$/g, '') ?? ''
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(host))
  if (!url || !isSafe || url.username + url.password + url.hash !== '')
    throw new TypeError(
      '`tokenUrl` must be an https address without user and fragment (http on a loopback address)',
    )
  return url.href
}

function tokenIn(response: Response, text: string): { readonly token: string; readonly lifeMs: number } {
  const { status } = response
  const json = parsed(text)
  if (status !== 200) {
    const code = (json as { readonly error?: unknown } | undefined)?.error
    const said = typeof code === 'string' && ERROR_CODE.test(code) ? ` (${code})` : ''
    throw new TokenError(`The token endpoint answered with status ${status}${said}.`, {
      refused: status >= 400 && status < 500 && status !== 408 && status !== 429,
    })
  }
  const answer = Answer.safeParse(json)
  if (!answer.success)
    throw new TokenError('The answer of the token endpoint holds no bearer token.', { refused: false })
  const { access_token: token, expires_in: life = UNNAMED_LIFE_S } = answer.data
  return { token, lifeMs: life * 1000 }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** The body, as it streams in: a longer one than any token needs is not read to its end. */
async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES)
      throw new TokenError('The answer of the token endpoint is too long.', { refused: false })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
