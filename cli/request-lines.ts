/** A line for each request, of `--access-log`. @module */
import { performance } from 'node:perf_hooks'
import type { Hono } from 'hono'
import { REQUEST_ID, traceIdFrom } from '../services/audit/request-ids.ts'
import type { Runtime } from '../src/ports/runtime.ts'
import type { ServedApp } from '../worker/node.ts'
import { methodOf, routeOf } from './metrics/request-timer.ts'
import type { Terminal } from './terminal.ts'

interface RequestEntry {
  readonly status: number
  readonly ms: number
}

/** A request that the process itself has failed is a warning: it is there also with `--log-level warn`. */
export const requestLine = (entry: RequestEntry, terminal: Terminal, runtime: Pick<Runtime, 'now'>): void =>
  terminal.request(
    entry.status >= 500 ? 'warn' : 'info',
    { ...entry, ms: Number(entry.ms.toFixed(2)) },
    runtime.now(),
  )

/** The app of a sidecar, with a line for each of its requests. Its paths have the keys of clients, which stand in no line. */
export const loggedApp = (
  app: Hono,
  served: ServedApp,
  terminal: Terminal,
  runtime: Pick<Runtime, 'now'>,
): ServedApp => ({
  async fetch(request, env, context) {
    const began = performance.now()
    const response = await served.fetch(request, env, context)
    const route = routeOf(app, request)
    const entry = {
      method: methodOf(request.method),
      route,
      namespace: namespaceOf(route, request.url),
      status: response.status,
      cache: cacheStatusOf(response.headers.get('cache-status')),
      requestId: response.headers.get(REQUEST_ID) ?? undefined,
      traceId: traceIdFrom(request.headers.get('traceparent') ?? undefined),
      ms: performance.now() - began,
    }
    requestLine(entry, terminal, runtime)
    return response
  },
})

/** Names that a namespace may have: what else stands in the path may be anything. */
const NAMESPACE = /^\/cache\/([\w.-]{1,64})\//

const namespaceOf = (route: string, url: string): string | undefined =>
  route.startsWith('/cache/:') ? NAMESPACE.exec(new URL(url).pathname)?.[1] : undefined

/** `hit`, or what the request was forwarded for: RFC 9211. */
const cacheStatusOf = (status: string | null): string | undefined =>
  /; (?:fwd=)?(hit|miss|stale|bypass)\b/.exec(status ?? '')?.[1]
