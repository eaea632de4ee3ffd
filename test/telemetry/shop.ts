/**
 * An app on a cache, as both runtimes run it: `GET /users/:id` reads through the cache, `DELETE /users/:id` evicts. Each request is a
 * span of its own, in the trace that its `traceparent` names.
 *
 * @module
 */
import * as api from '@opentelemetry/api'
import type { Context, Span, Tracer } from '@opentelemetry/api'
import { gateway } from '../../adapters/kafka/gateway.ts'
import { tracing } from '../../adapters/telemetry/opentelemetry.ts'
import { createCache } from '../../src/index.ts'
import type { Cache } from '../../src/index.ts'

export interface ShopOptions {
  readonly kafka: string
  readonly tracer: Tracer
}

type WaitUntil = (work: Promise<unknown>) => void

const TRACE_PARENT = /^00-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})$/

export class Shop {
  readonly cache: Cache
  readonly #tracer: Tracer

  constructor({ kafka, tracer }: ShopOptions) {
    this.cache = createCache({
      kafka: gateway({ url: kafka }),
      ttl: '1h',
      maxStaleness: '1s',
      pollTimeout: '5s',
      // Two isolates: what the other one applies may stand in the trace of the request.
      use: [tracing({ api, tracer, evictions: 'child' })],
    })
    this.#tracer = tracer
  }

  /** @param isActive whether the span of the request is active meanwhile: where not, the cache is given it */
  async fetch(request: Request, waitUntil: WaitUntil, isActive: boolean): Promise<Response> {
    const { pathname } = new URL(request.url)
    const parent = parentOf(request.headers.get('traceparent'))
    const name = `${request.method} /users/:id`
    const span = this.#tracer.startSpan(name, { kind: api.SpanKind.SERVER }, parent)
    const answer = (trace?: Span) =>
      this.#answer(request.method, pathname.split('/').at(-1)!, waitUntil, trace)
    try {
      if (isActive) return await api.context.with(api.trace.setSpan(parent, span), answer)
      return await answer(span)
    } finally {
      span.end()
    }
  }

  async #answer(method: string, id: string, waitUntil: WaitUntil, trace?: Span): Promise<Response> {
    const scope = this.cache.for({ waitUntil, trace })
    const users = scope.namespace<string>('users')
    if (method === 'DELETE') return Response.json({ token: await users.delete(id) })
    return Response.json({ ...(await users.getEntry(id, async () => 'Ada')) })
  }
}

function parentOf(traceparent: string | null): Context {
  const [, traceId, spanId, flags] = TRACE_PARENT.exec(traceparent ?? '') ?? []
  if (traceId === undefined || spanId === undefined) return api.ROOT_CONTEXT
  const traceFlags = Number.parseInt(flags ?? '0', 16)
  return api.trace.setSpanContext(api.ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true })
}
