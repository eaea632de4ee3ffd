/**
 * The evictions of a namespace, as they are applied.
 *
 * @module
 */
import type { Context, Handler } from 'hono'
import { isKedgeError } from '../../src/ports/errors.ts'
import { readToken } from '../../src/wire/token.ts'
import type { TokenParts } from '../../src/wire/token.ts'
import type { Bulk } from '../bulk/bulk.ts'
import { notProved, overloaded } from '../bulk/bulk.ts'
import { EventStream } from '../bulk/event-stream.ts'
import { pacedBody } from '../bulk/paced-body.ts'
import { platformOf } from '../bulk/request-platform.ts'
import type { KedgeEnv } from '../middleware.ts'
import { Problem } from '../problem.ts'
import { namespacePath } from '../request.ts'
import type { RouteContext } from './context.ts'

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  // nginx gathers answers of those that it does not know to be streams.
  'x-accel-buffering': 'no',
}

/** `GET /cache/:namespace/events`: a stream of evictions, from where `Last-Event-ID` or `?after=` says. */
export function getEvents(routes: RouteContext, bulk: Bulk): Handler<KedgeEnv> {
  return async (c) => {
    const namespace = namespacePath(c)
    const scope = c.var.cache
    routes.served.open(scope, namespace)
    const { buffers, stopping } = platformOf(c)
    if (buffers === true) {
      const detail = 'This platform sends an answer when it is whole: it cannot stream evictions.'
      throw new Problem(501, 'ERR_UNSUPPORTED', detail)
    }
    const read = lastRead(c)
    // What the client has read elsewhere must be read here as well before it can be judged.
    const freshness =
      read === undefined && scope.freshness().proved
        ? scope.freshness()
        : await scope.sync(typeof read === 'object' ? { after: read.text } : {})
    const { context } = bulk.parts
    const { shared } = context
    const now = shared.clock.now()
    const { stallMs, heartbeatMs } = bulk.settings
    const until = now + stallMs + heartbeatMs
    const kept = bulk.feeds.open(namespace, now, until)
    if (kept === undefined) throw overloaded('namespaces are followed')
    const { feed } = kept
    // A browser does not come back after an error, so a stream is refused only where nothing is known at all.
    if (!freshness.proved && !feed.partition.hasPosition) throw notProved()
    if (c.req.method === 'HEAD') return c.body(null, 200, HEADERS)
    const place = bulk.streams.take(routes.bearerOf(c), now, until)
    if (place === undefined) throw overloaded('streams')
    const from = read === undefined ? undefined : read === 'unreadable' ? 'log' : feed.resume(read.parts)
    const renew = (longer: number): void => {
      place.renew(longer)
      kept.renew(longer)
    }
    const stream = new EventStream({ shared, scope, feed, settings: bulk.settings, from, stopping, renew })
    const body = pacedBody({
      runtime: shared.settings.runtime,
      stallMs,
      next: (signal) => stream.next(signal),
      ended: place.leave,
    })
    return c.body(body, 200, HEADERS)
  }
}

interface LastRead {
  readonly text: string
  readonly parts: TokenParts
}

/** What the client has read last. A browser cannot correct an id, so that one which cannot be read is no error. */
function lastRead(c: Context): LastRead | 'unreadable' | undefined {
  const text = c.req.header('last-event-id') ?? c.req.query('after') ?? ''
  if (text === '') return undefined
  try {
    return { text, parts: readToken(text) }
  } catch (error) {
    if (isKedgeError(error)) return 'unreadable'
    throw error
  }
}
