/**
 * Keys that have the name of a route: `GET /cache/users/events` may ask for the stream of evictions, and for the value of the
 * key `events`. `Accept` says which.
 *
 * @module
 */
import type { Handler } from 'hono'
import { mediaRanges } from '../../adapters/media-ranges.ts'
import type { KedgeEnv } from '../middleware.ts'

/** What each route answers with. */
const TYPES: Readonly<Record<string, string>> = {
  '/cache/:namespace/events': 'text/event-stream',
  '/cache/:namespace/dump': 'application/x-ndjson',
}

/**
 * Whether a request to this route asks for the key: it names JSON, which the route does not answer with, and wants it at least as
 * much as anything, and more than what the route has where it names that too. Who says nothing, or takes anything, asks for the route.
 */
export function asksForKey(route: string, accept: string | undefined): boolean {
  const own = TYPES[route]
  if (own === undefined || accept === undefined) return false
  const ranges = mediaRanges(accept)
  const wishFor = (type: string) => ranges.find((range) => range.type === type)?.q
  const json = wishFor('application/json') ?? 0
  const named = wishFor(own)
  if (named !== undefined) return json > named
  return json > 0 && json >= (wishFor(own.replace(/\/.*/, '/*')) ?? wishFor('*/*') ?? 0)
}

/** The handlers of such a route, which pass on who asks for the key. */
export const unlessKey = (
  route: string,
  handlers: readonly Handler<KedgeEnv>[],
): [Handler<KedgeEnv>, ...Handler<KedgeEnv>[]] =>
  handlers.map(
    (handler): Handler<KedgeEnv> =>
      (c, next) =>
        asksForKey(route, c.req.header('accept')) ? next() : handler(c, next),
  ) as [Handler<KedgeEnv>]
