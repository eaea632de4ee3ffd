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
