/**
 * What the app is built from.
 *
 * @module
 */
import type { Cache } from '../src/types.ts'
import type { Authorizer } from './auth.ts'
import type { KedgeMiddlewareOptions } from './middleware.ts'
import type { Origin } from './origin.ts'

export interface AppOptions extends KedgeMiddlewareOptions {
  readonly cache: Cache
  /** Who may do what: `bearerAuth({ read, write, evict })`, or `openToAll`. */
  readonly auth: Authorizer
  /** Where values come from and are written to. @default none: values are those that were put */
  readonly origin?: Origin
  /** Namespaces that are served. @default the first hundred that are asked for; required with `origin` */
  readonly namespaces?: readonly string[]
  /** The largest body that is read, in bytes. @default 1_000_000 */
  readonly maxBodyBytes?: number
  /** Called with errors that nobody foresaw. They are answered with a generic 500. */
  readonly onError?: (error: unknown) => void
}
