/**
 * The worker as a Hono app: a cache behind HTTP, with an origin behind the cache.
 *
 * @module
 */
import { type Context, Hono, type Handler, type MiddlewareHandler } from 'hono'
import type { HTTPException } from 'hono/http-exception'
import { Audit } from './audit.ts'
import type { Bearer, Scope } from './auth.ts'
import { Bulk } from './bulk/bulk.ts'
import { unlessKey } from './bulk/key-or-route.ts'
import { bulkSettings } from './bulk/bulk-options.ts'
import { counted } from './counted-requests.ts'
import { Bodies } from './request-body.ts'
import type { AppOptions } from './app-options.ts'
import { kedge, type KedgeEnv, requestContext } from './middleware.ts'
import { openApiDocument } from './openapi.ts'
import type { RequestContext } from '../src/api/read-types.ts'
import { internalProblem, Problem, problemOf } from './problem.ts'
import { identified } from './request-id.ts'
import { getBatch } from './routes/batch.ts'
import type { RouteContext } from './routes/context.ts'
import { getDump } from './routes/dump.ts'
import { getEvents } from './routes/events.ts'
import { evict } from './routes/evictions.ts'
import { getHealth, getReadiness } from './routes/health.ts'
import { deleteValue, getValue, putValue } from './routes/values.ts'
import { ServedNamespaces } from './served-namespaces.ts'
import { partsIn } from '../src/write/cache-parts.ts'
import { harmless } from '../src/runtime/listener.ts'

const OPTIONS: ReadonlySet<string> = new Set<keyof AppOptions>([
  'cache',
  'auth',
  'origin',
  'namespaces',
  'maxBodyBytes',
  'maxBufferedBytes',
  'audit',
  'bulk',
  'onError',
  'cookie',
  'timing',
  'metrics',
  'context',
])

/**
 * Builds the app.
 *
 * @throws TypeError when an option is wrong or unknown
 *
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { memory } from 'kedge/testing'
 * import { bearerAuth, createApp, httpOrigin } from 'kedge/worker'
 *
 * declare const env: Record<'READ_TOKEN' | 'EVICT_TOKEN', string>
 *
 * const app = createApp({
 *   cache: createCache({ kafka: memory() }),
 *   auth: bearerAuth({ read: [env.READ_TOKEN], evict: [env.EVICT_TOKEN] }),
 *   origin: httpOrigin({ url: 'https://origin.example' }),
 *   namespaces: ['airports'],
 * })
 * export default app
 * ```
 */
export function createApp(options: AppOptions): Hono {
  checkOptions(options)
  const { cache, auth, origin, maxBodyBytes = 1_000_000, maxBufferedBytes = 32_000_000 } = options
  // Whatever its parameter is called, it is Hono's.
  const context: (c: Context) => RequestContext = options.context?.bind(options) ?? requestContext
  const audit = options.audit === undefined ? undefined : new Audit(options.audit)
  const bearers = new WeakMap<Context, Bearer>()
  const routes: RouteContext = {
    cache,
    served: new ServedNamespaces(cache, options.namespaces),
    origin,
    bodies: new Bodies(maxBodyBytes, maxBufferedBytes),
    // Where every client may do everything, they have one name, and it is empty.
    bearerOf: (c) => bearers.get(c)?.name || undefined,
    lasting: (c, act, work) => {
      const within = context(c)
      within.waitUntil(audit ? audit.settled(c, within, bearers.get(c), act, work) : work.then(noop, noop))
      return work
    },
  }
  const { cookie = false, timing = false, metrics } = options
  const open = kedge(cache, { context, cookie, timing })
  const may =
    (scope: Scope): MiddlewareHandler =>
    async (c, next) => {
      const bearer = await auth.authorize(scope, c.req.header('authorization')).catch((error: unknown) => {
        audit?.refused(c, context(c), scope, error)
        throw error
      })
      if (bearer) bearers.set(c, bearer)
      await next()
    }

  const app = new Hono<KedgeEnv>()
  if (metrics) app.use(counted(metrics, context))
  app.use(unstored)
  app.use(identified)
  app.get('/healthz', getHealth)
  app.get('/readyz', open, getReadiness(routes))
  app.get('/openapi.json', (c) => c.json(openApiDocument()))
  app.post('/cache/:namespace/batch', may('read'), open, getBatch(routes))
  addBulk(app, options, routes, [may('read'), open])
  app.get('/cache/:namespace/:key', may('read'), open, getValue(routes))
  app.put('/cache/:namespace/:key', may('write'), open, putValue(routes))
  app.delete('/cache/:namespace/:key', may('evict'), open, deleteValue(routes))
  app.post('/evictions', may('evict'), open, evict(routes))

  for (const path of ['/healthz', '/readyz', '/openapi.json']) app.all(path, refuseMethod('GET, HEAD'))
  app.all('/cache/:namespace/batch', refuseMethod('GET, HEAD, PUT, DELETE, POST'))
  app.all('/cache/:namespace/:key', refuseMethod('GET, HEAD, PUT, DELETE'))
  app.all('/evictions', refuseMethod('POST'))

  app.notFound(() => new Problem(404, 'ERR_UNKNOWN_ROUTE', 'There is no such route.').toResponse())
  const tell = harmless(options.onError)
  app.onError((error) => answerTo(error, tell))
  // The types of its requests stay inside: a caller mounts and serves it as any other app.
  return app as unknown as Hono
}

/** The routes for many, before that of one key. */
function addBulk(
  app: Hono<KedgeEnv>,
  { cache, bulk: options = {} }: AppOptions,
  routes: RouteContext,
  [may, open]: readonly [MiddlewareHandler, MiddlewareHandler<KedgeEnv>],
): void {
  if (options === false) return
  const settings = bulkSettings(options)
  const parts = partsIn(cache)
  const bulk = parts && new Bulk(settings, parts)
  const add = (route: string, handler: (routes: RouteContext, bulk: Bulk) => Handler<KedgeEnv>) =>
    app.get(route, ...unlessKey(route, [may, open, bulk ? handler(routes, bulk) : unsupported]))
  add('/cache/:namespace/events', getEvents)
  add('/cache/:namespace/dump', getDump)
}

/** Of a cache that is none of `createCache`, nothing is known but what it answers. */
const unsupported: Handler = () => {
  throw new Problem(501, 'ERR_UNSUPPORTED', 'The cache behind this worker cannot do this.')
}

const noop = (): void => undefined

function checkOptions(options: AppOptions): void {
  for (const name of Object.keys(options)) {
    if (!OPTIONS.has(name)) throw new TypeError(`\`${name}\` is not an option`)
  }
  if (options.cache === undefined) throw new TypeError('`cache` is missing: give createCache({ … })')
  if (options.auth === undefined)
    throw new TypeError('`auth` is missing: give bearerAuth({ … }), or openToAll')
  if (options.origin !== undefined && options.namespaces === undefined) {
    throw new TypeError('`namespaces` is missing: without it clients could read every path of the `origin`')
  }
  for (const name of ['maxBodyBytes', 'maxBufferedBytes'] as const) {
    const value = options[name] ?? 1
    if (!Number.isSafeInteger(value) || value < 1)
      throw new TypeError(`\`${name}\` must be a positive whole number`)
  }
}

/** A cache on the way would serve what an eviction has already invalidated. */
const unstored: MiddlewareHandler = async (c, next) => {
  await next()
  c.header('cache-control', 'no-store')
}

function refuseMethod(allow: string): Handler {
  return (c: Context) => {
    const detail = `This route does not take ${c.req.method}.`
    return new Problem(405, 'ERR_METHOD', detail, { headers: { allow } }).toResponse()
  }
}

function answerTo(error: unknown, tell: (error: unknown) => void): Response {
  const problem = problemOf(error)
  if (problem !== undefined) return problem.toResponse()
  if (isHttpException(error)) return error.getResponse()
  tell(error)
  return internalProblem().toResponse()
}

/** Hono's own, thrown by middleware that was added around the app: of any copy, since the package holds one of its own. */
const isHttpException = (error: unknown): error is HTTPException =>
  error instanceof Error && 'getResponse' in error && typeof error.getResponse === 'function'
