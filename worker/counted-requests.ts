/** Counts the requests of a Hono app, by the patterns of their routes. @module */
import type { Context, MiddlewareHandler } from 'hono'
import type { RequestContext } from '../src/api/read-types.ts'
import { begun } from './request-metrics.ts'
import type { RequestMetrics } from './request-metrics.ts'

/** @param context the platform's request context */
export function counted(metrics: RequestMetrics, context: (c: Context) => RequestContext): MiddlewareHandler {
  return async (c, next) => {
    const ended = begun(metrics, context(c))
    let status = 500
    try {
      await next()
      ;({ status } = c.res)
    } finally {
      const { method, url } = c.req
      const scheme = url.startsWith('https:') ? 'https' : 'http'
      const route = routeOf(c)
      ended({ method, scheme, status, ...(route !== undefined && { route }) })
    }
  }
}

/** The pattern, never the path: that has the keys of clients. Of Hono's request itself: apps may have a Hono of their own. */
function routeOf(c: Context): string | undefined {
  const path = c.req.routePath
  return path.endsWith('*') ? undefined : path
}
