/** The route that a request has taken, as a pattern: what stands in its path is the client's, and without bounds. @module */
import type { Context } from 'hono'
import { matchedRoutes } from 'hono/route'

/** `/topics/:topic`; `other` for a path that no route has. */
export function routeOf(c: Context): string {
  const path = matchedRoutes(c).at(-1)?.path ?? ''
  return path === '' || path.endsWith('*') ? 'other' : path
}
