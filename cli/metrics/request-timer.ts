/** How long the requests of an app take, by route and status. @module */
import { performance } from 'node:perf_hooks'
import type { Hono } from 'hono'
import { METHODS } from '../../adapters/metrics/shared/http-methods.ts'
import type { Timer } from '../../adapters/metrics/shared/cache-meter.ts'
import type { Meter } from '../../adapters/metrics/prom-client/meter.ts'
import { asksForKey } from '../../worker/bulk/key-or-route.ts'
import type { ServedApp } from '../../worker/node.ts'

export type RequestTimer = (method: string, route: string, status: number, ms: number) => void

export function requestTimer(meter: Meter): RequestTimer {
  const timer: Timer = meter.histogram('request_duration_seconds', 'Requests, until their answer begins.', [
    'method',
    'route',
    'status',
  ])
  return (method, route, status, ms) => timer(ms, { method: methodOf(method), route, status })
}

/** As it is counted: what no method of HTTP is, is `other`. */
export const methodOf = (method: string): string => (METHODS.has(method) ? method : 'other')

/** The app, which has each of its requests timed. */
export const timedApp = (app: Hono, timer: RequestTimer): ServedApp => ({
  async fetch(request, env, context) {
    const began = performance.now()
    const response = await app.fetch(request, env, context)
    timer(request.method, routeOf(app, request), response.status, performance.now() - began)
    return response
  },
})

/**
 * The pattern of the route that takes the request: its path has the keys of clients. That is the first one which is not for
 * every path: routes that take less of a path stand before those that take more.
 */
export function routeOf(app: Hono, { method, url, headers }: Request): string {
  // Hono has no routes of HEAD: it answers by those of GET.
  const [handlers] = app.router.match(method === 'HEAD' ? 'GET' : method, new URL(url).pathname)
  const accept = headers.get('accept') ?? undefined
  const takes = (path: string) => !path.endsWith('*') && !asksForKey(path, accept)
  return handlers.map(([[, { path }]]) => path).find(takes) ?? 'other'
}
