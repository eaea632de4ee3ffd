/** Refuses requests that name another host: a gateway without credentials serves this machine alone. @module */
import type { MiddlewareHandler } from 'hono'
import { headerOf } from './header.ts'

/** RFC 9110, section 15.5.20: the request was sent to a server that does not answer for this name. */
const MISDIRECTED = {
  error_code: 421,
  message:
    'Without credentials a gateway on a loopback address answers to localhost, 127.0.0.1 and [::1] alone: give it credentials, or another --host.',
}

/** @param allows Told the `Host` of each request. */
export function hostCheck(allows: (host: string | undefined) => boolean): MiddlewareHandler {
  return async (c, next) => {
    // A request without a server has its host in its URL alone.
    const host = headerOf(c, 'host') ?? (c.env?.incoming ? undefined : new URL(c.req.url).host)
    if (allows(host)) return next()
    return c.json(MISDIRECTED, 421, { 'cache-control': 'no-store' })
  }
}
