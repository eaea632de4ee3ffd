/** Ids of the worker's requests. @module */
import type { Context, MiddlewareHandler } from 'hono'
import { REQUEST_ID, requestIdFrom } from '../services/audit/request-ids.ts'

const ids = new WeakMap<Context, string>()

/** The id that the client has given, or a new one. */
export function requestIdOf(c: Context): string {
  const id = ids.get(c) ?? requestIdFrom(c.req.header(REQUEST_ID))
  ids.set(c, id)
  return id
}

/** Gives every answer the id of its request. */
export const identified: MiddlewareHandler = async (c, next) => {
  await next()
  c.header(REQUEST_ID, requestIdOf(c))
}
