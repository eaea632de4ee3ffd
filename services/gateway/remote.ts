/** Where a request comes from. @module */
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'

/** The address of the connection; empty without a server. What a proxy before the gateway says is not used. */
export function remoteOf(c: Context): string {
  const env: Partial<HttpBindings> | undefined = c.env
  return env?.incoming?.socket.remoteAddress ?? ''
}
