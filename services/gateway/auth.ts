/** Lets requests pass that show one of the credentials; without any configured, all pass. @module */
import type { HttpBindings } from '@hono/node-server'
import type { Context, MiddlewareHandler } from 'hono'
import { setPrincipal } from './access.ts'
import type { Credentials } from './credentials.ts'
import { headerOf } from './header.ts'

export function authentication(credentials: Credentials): MiddlewareHandler {
  return async (c, next) => {
    const found = await credentials.identify(headerOf(c, 'authorization'), addressOf(c))
    if (found.principal) {
      setPrincipal(c, found.principal)
      return next()
    }
    const { retryAfter } = found
    if (retryAfter !== undefined)
      return c.json(refused(42901, 'Too many wrong credentials came from this address', 429), 429, {
        'retry-after': String(retryAfter),
        'cache-control': 'no-store',
      })
    return c.json(refused(40101, 'Unauthorized', 401), 401, {
      'www-authenticate': credentials.challenge,
      'cache-control': 'no-store',
    })
  }
}

/** Clients of Confluent's and of Upstash's protocol each find their own fields here. */
const refused = (code: number, message: string, status: number) => ({
  error_code: code,
  message,
  error: message,
  status,
})

/** Where the request comes from; empty without a server. What a proxy before the gateway says is not used. */
function addressOf(c: Context): string {
  const env: Partial<HttpBindings> | undefined = c.env
  return env?.incoming?.socket.remoteAddress ?? ''
}
