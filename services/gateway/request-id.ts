/** Ids of the gateway's requests. @module */
import type { Context } from 'hono'
import { REQUEST_ID, requestIdFrom, traceIdFrom } from '../audit/request-ids.ts'
import { headerOf } from './header.ts'

const ids = new WeakMap<Context, string>()

/** The id that the client has given, or a new one. */
export function requestIdOf(c: Context): string {
  const id = ids.get(c) ?? requestIdFrom(headerOf(c, REQUEST_ID))
  ids.set(c, id)
  return id
}

/** The trace that the request belongs to; `undefined` where it names none. */
export const traceIdOf = (c: Context): string | undefined => traceIdFrom(headerOf(c, 'traceparent'))
