/** What the platform says of a request beside the request itself. @module */
import type { Context } from 'hono'
import type { ExecutionContext } from '../execution-context.ts'

const NOTHING: Partial<ExecutionContext> = {}

/** The platform's context, as far as there is one. */
export function platformOf(c: Context): Partial<ExecutionContext> {
  try {
    return c.executionCtx
  } catch {
    return NOTHING
  }
}

/**
 * Whether the request asks for the value of a key that has the name of a route: only JSON is asked for. Where the
 * client says nothing, or takes anything, it asks for the route.
 */
export const asksForKey = (c: Context): boolean => {
  const accept = c.req.header('accept') ?? ''
  return /\bapplication\/json\b/i.test(accept) && !/event-stream|ndjson/i.test(accept)
}
