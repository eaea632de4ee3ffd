/** What the gateway does around each request, whatever its protocol. @module */
import type { ServerResponse } from 'node:http'
import type { HttpBindings } from '@hono/node-server'
import type { MiddlewareHandler } from 'hono'
import { REQUEST_ID, traceIdFrom } from '../audit/request-ids.ts'
import { ALREADY_SENT } from './node-answer.ts'
import { GONE } from './protocols/confluent/errors.ts'
import { routeOf } from './route.ts'
import { isTaken } from './sockets/sockets.ts'
import { requestIdOf, traceIdOf } from './request-id.ts'
import type { Service } from './service.ts'

/** It has become a socket. */
const SWITCHING = 101

/** A request that was answered, for an access log. */
export interface AccessEntry {
  readonly method: string
  /** Without its query, and without the message of Upstash's `/produce/{topic}/{message}`, which is refused. */
  readonly path: string
  readonly status: number
  /** That of the client's `x-request-id`, or a new one; the answer has it too. */
  readonly requestId: string
  /** Of the client's `traceparent`. */
  readonly traceId?: string | undefined
  /** From the first byte of the request to the headers of the answer, in milliseconds. */
  readonly ms: number
}

export function aroundEach(
  { answers, bodies, counters, runtime }: Service,
  onRequest: ((entry: AccessEntry) => void) | undefined,
): MiddlewareHandler {
  return async (c, next) => {
    const began = runtime.monotonic()
    await next()
    bodies.release(c)
    answers.watch(c)
    const isSent = c.res === ALREADY_SENT
    // Positions and records change, and are one client's own: no cache may keep them. Routes whose answers a
    // cache may keep set the header themselves.
    if (!isSent && !c.res.headers.has('cache-control')) c.header('cache-control', 'no-store')
    const requestId = requestIdOf(c)
    if (!isSent) c.header(REQUEST_ID, requestId)
    const { method, path } = c.req
    // What is answered to Node directly counts by itself: it may wait long from here on.
    if (!isSent) {
      const status = isTaken(c) ? SWITCHING : c.res.status
      const ms = runtime.monotonic() - began
      counters.answered?.(method, routeOf(c), status, ms)
      onRequest?.({ method, path: shown(path), status, requestId, traceId: traceIdOf(c), ms })
      return
    }
    if (!onRequest) return
    // It may wait long from here on.
    const { outgoing } = c.env as HttpBindings
    const tell = accessOf(runtime, onRequest)
    outgoing.on('close', () => tell(outgoing, began, requestId, path))
  }
}

/** Told when an answer has gone out, or its connection is closed. */
export type OnClose = (outgoing: ServerResponse, began: number, requestId: string, path?: string) => void

/**
 * Makes the listener that reports requests whose answers go to Node's response and not through Hono. One listener serves
 * all of them: one each would stay in memory with every poll that waits.
 */
export const accessOf =
  (runtime: Service['runtime'], onRequest: (entry: AccessEntry) => void): OnClose =>
  (outgoing, began, requestId, path = outgoing.req.url?.split('?', 1)[0] ?? '') => {
    const { method = '' } = outgoing.req
    const status = outgoing.headersSent ? outgoing.statusCode : GONE
    const traceId = traceIdFrom(outgoing.req.headers['traceparent']?.toString())
    onRequest({ method, path: shown(path), status, requestId, traceId, ms: runtime.monotonic() - began })
  }

const shown = (path: string): string => path.replace(/^(\/produce\/[^/]*)\/.*$/, '$1/…').slice(0, 512)
