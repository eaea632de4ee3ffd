/** Ids by which one request is found again in the logs of all that it has passed. @module */
import { randomUUID } from 'node:crypto'
import type { Context } from 'hono'
import { headerOf } from './header.ts'

/** The header in requests and in answers. */
export const REQUEST_ID = 'x-request-id'

/** What may stand in a log as it is. */
const GIVEN = /^[\w.:=+/-]{1,128}$/
/** `traceparent` of W3C Trace Context: version, trace id, parent id, flags. */
const TRACE = /^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/

const ids = new WeakMap<Context, string>()

/** The id that the client has given, or a new one. */
export function requestIdOf(c: Context): string {
  const known = ids.get(c)
  if (known !== undefined) return known
  const given = headerOf(c, REQUEST_ID)
  const id = given !== undefined && GIVEN.test(given) ? given : randomUUID()
  ids.set(c, id)
  return id
}

/** The trace that the request belongs to; `undefined` where it names none. */
export const traceIdOf = (c: Context): string | undefined => TRACE.exec(headerOf(c, 'traceparent') ?? '')?.[1]
