/** Lets viewers of this machine alone look: where there are no credentials that could be asked for. @module */
import { isIP } from 'node:net'
import type { Context, MiddlewareHandler } from 'hono'
import { isLoopback, namesLoopback } from '../../services/gateway/loopback.ts'
import { remoteOf } from '../../services/gateway/remote.ts'
import { isForeign } from './foreign-page.ts'

const REFUSED =
  'This page asks for no credentials, and so is for its own machine alone: come through `ssh -L` or `kubectl port-forward`, by the name localhost.\n'

export const forThisMachine: MiddlewareHandler = async (c, next) => {
  if (isOfThisMachine(c) && !isForeign(c)) return next()
  return c.text(REFUSED, 403, { 'cache-control': 'no-store' })
}

/** By its address, and by the name that it asks for: a web page whose name leads to 127.0.0.1 has its own name there. */
function isOfThisMachine(c: Context): boolean {
  const remote = remoteOf(c).replace(/^::ffff:/, '')
  return isIP(remote) !== 0 && isLoopback(remote) && namesLoopback(c.req.header('host'), remote)
}
