/**
 * The middleware that gives each request its own view of a cache.
 *
 * @module
 */
import type { Context, MiddlewareHandler, Next } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { isKedgeError } from '../src/ports/errors.ts'
import { parseToken, type Token } from '../src/wire/token.ts'
import type { Cache, CacheScope } from '../src/api/cache-types.ts'
import type { RequestContext, ScopeOptions } from '../src/api/read-types.ts'
import { counted } from './counted-requests.ts'
import { Problem, problemOf } from './problem.ts'
import type { RequestMetrics } from './request-metrics.ts'
import { RequestStatus } from './request-status.ts'
import type { TokenCookieOptions } from './token-cookie.ts'

export type { TokenCookieOptions } from './token-cookie.ts'

/** The header, and the cookie, that carry a token. */
export const TOKEN_NAME = 'kedge-token'

/** What the middleware adds to the requests of an app: `new Hono<KedgeEnv>()`. */
export interface KedgeEnv {
  readonly Variables: {
    /** The cache within this request. Set by `kedge(cache)`. */
    readonly cache: CacheScope
  }
}

export interface KedgeMiddlewareOptions {
  /**
   * Whether a request that wrote something sets the cookie `kedge-token`, so that a browser reads its own writes
   * without a line of script. A cookie that comes is heeded in any case. @default false
   */
  readonly cookie?: boolean | TokenCookieOptions
  /**
   * Whether every answer carries `Cache-Status` (RFC 9211), errors too: whether what the request read through
   * `c.var.cache`, until its answer began, was held, and if not, why. Several reads are one member:
   * `kedge; fwd=miss; stored; detail="3 reads: 2 hit, 1 miss"`; none is `kedge; detail=unread`. The middleware adds to a
   * field of other caches, and leaves one that a handler has set for kedge. @default false
   */
  readonly status?: boolean
  /**
   * Whether every answer carries `Server-Timing` (W3C): what `Cache-Status` says of the reads, and how many milliseconds
   * the longest of them has waited, and for what: `kedge;desc="miss";dur=41, kedge-wait;dur=1, kedge-load;dur=40`. Browsers
   * show it. It tells every client how far and how busy the origin is, so give a function where some alone may see it: it is
   * called once the answer is there. @default false
   */
  readonly timing?: boolean | ((c: Context) => boolean)
  /**
   * Counts the requests that come through the middleware, and pushes where that is due: `otlpMetrics()` of
   * `kedge/adapters/otlp`, or how to get at it. @default nothing
   */
  readonly metrics?: RequestMetrics | ((c: Context) => RequestMetrics)
  /**
   * The platform's request context, where Hono does not know it: `(c) => ({ waitUntil })` with Vercel's
   * `waitUntil`, say. @default Hono's `executionCtx`; where there is none, background work just runs
   */
  readonly context?: (c: Context) => RequestContext
}

/**
 * Opens a scope of the cache for each request: `c.var.cache`.
 *
 * The scope starts a poll when one is due, runs background work under the request's `waitUntil`, and reads its
 * client's writes: it begins with the token of the header `kedge-token`, or of the cookie of that name. The
 * answer carries the token of all that was written, in the same header. A header that is no token is answered
 * with 400; such a cookie is ignored, because the browser cannot correct it.
 *
 * An error of the cache that a handler lets pass (`ERR_PUBLISH`: the eviction was not acknowledged) is answered with
 * 503, or another status of 500 and more, as `application/problem+json`; where the app has an `onError` of its own, that
 * one answers.
 *
 * @param cache the cache, or how to get at it where it can only be made once bindings are known
 *
 * @example
 * ```ts
 * import { Hono } from 'hono'
 * import { createCache } from 'kedge'
 * import { memory } from 'kedge/testing'
 * import { kedge } from 'kedge/worker'
 *
 * declare const db: { user(id: string): Promise<{ name: string }> }
 * const cache = createCache({ kafka: memory() })
 *
 * const app = new Hono()
 * app.use(kedge(cache))
 * app.get('/users/:id', async (c) => {
 *   const id = c.req.param('id')
 *   return c.json(await c.var.cache.namespace<{ name: string }>('users').getOrSet(id, () => db.user(id)))
 * })
 * ```
 */
export function kedge(
  cache: Cache | ((c: Context) => Cache),
  options: KedgeMiddlewareOptions = {},
): MiddlewareHandler<KedgeEnv> {
  const { cookie = false, status = false, timing = false, metrics, context = requestContext } = options
  if (metrics === undefined) return scoped
  return (c, next) =>
    counted(typeof metrics === 'function' ? metrics(c) : metrics, context)(c, () => scoped(c, next))

  async function scoped(c: Context<KedgeEnv>, next: Next): Promise<void> {
    const header = c.req.header(TOKEN_NAME)
    const seen = status || timing ? new RequestStatus() : undefined
    if (header !== undefined && !isToken(header)) {
      const detail = `The header \`${TOKEN_NAME}\` is not a kedge token.`
      c.res = new Problem(400, 'ERR_TOKEN', detail).toResponse()
      return tell(c, seen)
    }
    const sent = header ?? tokenCookie(c)
    const scopeOptions: ScopeOptions = {
      ...(sent !== undefined && { after: sent }),
      ...(seen && { onRead: seen.add }),
    }
    const scope = (typeof cache === 'function' ? cache(c) : cache).for(context(c), scopeOptions)
    c.set('cache', scope)
    await next()
    if (c.error !== undefined) await answerFailure(c, c.error)
    tell(c, seen)
    const { token } = scope
    if (token === undefined) return
    c.header(TOKEN_NAME, token)
    if (cookie !== false && token !== sent) writeCookie(c, token, cookie === true ? {} : cookie)
  }

  function tell(c: Context, seen: RequestStatus | undefined): void {
    if (seen === undefined || c.res.status === SWITCHING_PROTOCOLS) return
    if (status) tellStatus(c, seen)
    // After those of the handler, and of caches farther away.
    if (typeof timing === 'function' ? timing(c) : timing)
      c.header('server-timing', seen.timing(), { append: true })
  }
}

/**
 * The request's context as Hono has it. Where there is none (Node, Deno, Bun), a promise that is left alone goes
 * on by itself, and its failure must not end the process.
 */
export function requestContext(c: Context): RequestContext {
  let platform: RequestContext | undefined
  try {
    platform = c.executionCtx
  } catch {
    platform = undefined
  }
  return {
    waitUntil: (promise) => {
      const settled = promise.catch(() => undefined)
      platform?.waitUntil(settled)
    },
    trace: c.req.header('traceparent'),
  }
}

/** A member of `Cache-Status` that stands for kedge. */
const OWN_MEMBER = /(?:^|,)\s*kedge\s*(?:[;,]|$)/
/** A WebSocket: its answer cannot be copied, and no client reads its headers. */
const SWITCHING_PROTOCOLS = 101

function tellStatus(c: Context, seen: RequestStatus): void {
  // The handler has described its answer itself, and knows more of it.
  if (OWN_MEMBER.test(c.res.headers.get('cache-status') ?? '')) return
  // At the end: this cache is the nearest one to the client.
  c.header('cache-status', seen.toString(), { append: true })
}

/** What Hono answers to an error where an app has no handler of its own. */
const UNFORESEEN = 'Internal Server Error'

/** Answers an error of the cache by its code, where the app would answer it as an unexpected one. */
async function answerFailure(c: Context, error: unknown): Promise<void> {
  const problem = isKedgeError(error) ? problemOf(error) : undefined
  if (problem === undefined || problem.status < 500 || c.res.status !== 500) return
  if ((await c.res.clone().text()) !== UNFORESEEN) return
  const response = problem.toResponse()
  // What other middleware has set (CORS, cookies) belongs to this answer, too.
  for (const [name, value] of c.res.headers)
    if (!name.startsWith('content-')) response.headers.append(name, value)
  c.res = undefined
  c.res = response
}

function isToken(text: string): text is Token {
  try {
    parseToken(text)
    return true
  } catch (error) {
    if (isKedgeError(error)) return false
    throw error
  }
}

function tokenCookie(c: Context): Token | undefined {
  const cookie = getCookie(c, TOKEN_NAME)
  return cookie !== undefined && isToken(cookie) ? cookie : undefined
}

function writeCookie(c: Context, token: Token, options: TokenCookieOptions): void {
  const { maxAgeS = 60, path = '/', domain, sameSite = 'Lax', secure = true } = options
  setCookie(c, TOKEN_NAME, token, {
    httpOnly: true,
    maxAge: maxAgeS,
    path,
    sameSite,
    secure,
    ...(domain !== undefined && { domain }),
  })
}
