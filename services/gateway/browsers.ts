/**
 * Requests that web pages make browsers send. A browser sends a page's "simple" requests without asking the server
 * first (Fetch standard, CORS), so that any page could write through a gateway which its reader can reach.
 *
 * @module
 */
import { cors } from 'hono/cors'
import type { Context, MiddlewareHandler } from 'hono'
import { headerOf } from './header.ts'
import { contentType } from './media-type.ts'

/** The types of bodies that the protocols have. A page cannot send one of them without a preflight. */
const BODY_TYPES = /^application\/(?:json|vnd\.kafka(?:\.[a-z0-9]+)*\+json)$/
/** Methods that change nothing here. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])
/** What a page's cache reads besides the body. */
const EXPOSED = [
  'kedge-log-id',
  'kedge-beginning-offset',
  'kedge-end-offset',
  'kedge-next-offset',
  'date',
  'etag',
  'retry-after',
  'x-request-id',
]
/** How long a browser may remember the answer to a preflight, in seconds. */
const PREFLIGHT_S = 600

/**
 * Answers pages of the given origins, and their preflights.
 *
 * @throws TypeError for what is not an origin (RFC 6454): a scheme, a host and perhaps a port.
 */
export function corsFor(origins: readonly string[]): MiddlewareHandler {
  for (const origin of origins)
    if (originOf(origin) !== origin || origin === 'null')
      throw new TypeError(
        `\`corsOrigins\` must be origins such as https://app.example, without a path, got ${origin.slice(0, 100)}`,
      )
  const answer = cors({
    origin: [...origins],
    allowMethods: ['GET', 'HEAD', 'POST', 'DELETE'],
    exposeHeaders: EXPOSED,
    maxAge: PREFLIGHT_S,
  })
  return async (c, next) => {
    const origin = headerOf(c, 'origin')
    // An OPTIONS of another page gets no leave; a cache must still keep the answers apart.
    if (c.req.method !== 'OPTIONS' || (origin !== undefined && origins.includes(origin)))
      return answer(c, next)
    return next()
  }
}

/**
 * Refuses what a page of another origin sends, and bodies that do not say that they are of a protocol's type.
 *
 * `Sec-Fetch-Site` (Fetch Metadata) and `Origin` are set by the browser; no page can choose them. Programs send
 * neither.
 */
export function browserGuard(origins: readonly string[]): MiddlewareHandler {
  const known = new Set(origins)
  return async (c, next) => {
    if (isForeign(c, known)) return c.json(FOREIGN, 403, NO_STORE)
    if (!SAFE.has(c.req.method) && !hasBodyType(c)) return c.json(UNSUPPORTED, 415, NO_STORE)
    return next()
  }
}

const NO_STORE = { 'cache-control': 'no-store' }
/** Clients of Confluent's and of Upstash's protocol each find their own fields. */
const refused = (status: number, message: string) => ({ error_code: status, message, error: message, status })
const FOREIGN = refused(
  403,
  'A web page of another origin may not ask this gateway: it is not among those of --cors-origin.',
)
const UNSUPPORTED = refused(415, 'HTTP 415 Unsupported Media Type')

function isForeign(c: Context, known: ReadonlySet<string>): boolean {
  const site = headerOf(c, 'sec-fetch-site')
  if (site === 'same-origin') return false
  const origin = headerOf(c, 'origin')
  if (origin === undefined) return site === 'cross-site' || site === 'same-site'
  // Older browsers, and those that ask a server without TLS, send no `Sec-Fetch-Site`.
  return !known.has(origin) && hostOf(origin) !== headerOf(c, 'host')
}

function hasBodyType(c: Context): boolean {
  const type = contentType(c)
  return type === '' ? !hasBody(c) : BODY_TYPES.test(type)
}

/** Whether the request has a body: by its headers (RFC 9112, section 6), or without a server by what it is. */
function hasBody(c: Context): boolean {
  if (!c.env?.incoming) return c.req.raw.body !== null
  const length = headerOf(c, 'content-length') ?? '0'
  return headerOf(c, 'transfer-encoding') !== undefined || length !== '0'
}

const originOf = (text: string): string | undefined => (URL.canParse(text) ? new URL(text).origin : undefined)
const hostOf = (origin: string): string | undefined =>
  URL.canParse(origin) ? new URL(origin).host : undefined
