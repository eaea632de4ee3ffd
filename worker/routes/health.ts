/**
 * Whether the worker lives, and whether it knows what is no longer valid.
 *
 * @module
 */
import type { Handler } from 'hono'
import type { KedgeEnv } from '../middleware.ts'
import type { Freshness } from '../../src/api/cache-types.ts'
import { Problem } from '../problem.ts'
import type { RouteContext } from './context.ts'

/** `GET /healthz`: it answers, so it lives. */
export const getHealth: Handler = (c) => c.json({ alive: true })

const isProved = ({ proved, ageMs }: Freshness): boolean => proved && Number.isFinite(ageMs)

/** `GET /readyz`: whether freshness is proved. Polls only where it is not, so that asking often costs nothing. */
export function getReadiness({ served, origin }: RouteContext): Handler<KedgeEnv> {
  return async (c) => {
    const scope = c.var.cache
    served.follow(scope)
    const known = scope.freshness()
    const freshness = isProved(known) ? known : await scope.sync()
    if (!isProved(freshness)) {
      const headers = { 'retry-after': '1' }
      throw new Problem(
        503,
        'ERR_NOT_READY',
        'The worker cannot reach the log, so it cannot prove freshness.',
        {
          headers,
        },
      )
    }
    const { ageMs, lag, unreadable } = freshness
    // It is ready all the same: it serves nothing that such a record may have evicted. But an operator should look.
    const garbage = unreadable && { records: unreadable.records, agoMs: Math.round(unreadable.agoMs) }
    // So it is without its origin, because other instances have the same one: it serves what it holds.
    const outage = origin?.outage?.()
    return c.json({
      ready: true,
      ageMs: Math.round(ageMs),
      lag,
      ...(garbage && { unreadable: garbage }),
      ...(outage && { origin: { failures: outage.failures, forMs: Math.round(outage.forMs) } }),
    })
  }
}
