/**
 * What is held of a namespace, for a process that begins.
 *
 * @module
 */
import type { Handler } from 'hono'
import { DumpWriter } from '../../src/replicate/dump/dump-writer.ts'
import type { Bulk } from '../bulk/bulk.ts'
import { notProved, overloaded } from '../bulk/bulk.ts'
import { pacedBody } from '../bulk/paced-body.ts'
import { platformOf } from '../bulk/request-platform.ts'
import type { KedgeEnv } from '../middleware.ts'
import { namespacePath, unknownNamespace } from '../request.ts'
import type { RouteContext } from './context.ts'

const HEADERS = { 'content-type': 'application/x-ndjson; charset=utf-8', 'x-accel-buffering': 'no' }
/** About how many bytes go out at once. */
const PIECE = 64_000
/** What Lambda takes of an answer that is not streamed is 6 MB, as text or in base64. */
const MAX_BUFFERED_BYTES = 4_000_000

/** `GET /cache/:namespace/dump`: a line for each value, with its as-of. */
export function getDump(routes: RouteContext, bulk: Bulk): Handler<KedgeEnv> {
  return async (c) => {
    const namespace = namespacePath(c)
    const scope = c.var.cache
    routes.served.open(scope, namespace)
    // As of the token that the client has sent, and only while it is known what is no longer valid.
    if (!(await scope.sync()).proved) throw notProved()
    const { buffers, stopping } = platformOf(c)
    const { settings, dumps, parts } = bulk
    const { shared } = parts.context
    // It may have given its place to another namespace meanwhile.
    const space = parts.stores.get(namespace)
    if (space === undefined) throw unknownNamespace()
    if (c.req.method === 'HEAD') return c.body(null, 200, HEADERS)
    const now = shared.clock.now()
    const endAt = now + settings.dumpMs
    const place = dumps.take(routes.bearerOf(c), now, endAt + settings.stallMs)
    if (place === undefined) throw overloaded('dumps')
    const { maxDumpValues: maxValues, maxDumpBytes } = settings
    const maxBytes = buffers === true ? Math.min(maxDumpBytes, MAX_BUFFERED_BYTES) : maxDumpBytes
    const writer = new DumpWriter(shared, space, { maxValues, maxBytes })
    const body = pacedBody({
      runtime: shared.settings.runtime,
      stallMs: Math.min(settings.stallMs, settings.dumpMs),
      next: () => {
        if (shared.clock.now() >= endAt || stopping?.aborted === true) writer.stop()
        return writer.next(PIECE)
      },
      ended: place.leave,
    })
    return c.body(body, 200, HEADERS)
  }
}
