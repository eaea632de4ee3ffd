/**
 * What the app is built from.
 *
 * @module
 */
import type { Cache } from '../src/api/cache-types.ts'
import type { RequestContext } from '../src/api/read-types.ts'
import type { AuditOptions } from './audit-options.ts'
import type { Authorizer } from './auth.ts'
import type { BulkOptions } from './bulk/bulk-options.ts'
import type { Origin } from './origin.ts'
import type { RequestMetrics } from './request-metrics.ts'
import type { TokenCookieOptions } from './token-cookie.ts'

/** A request as it is handled: Hono's `Context`, for programs that have its types. */
interface HandledRequest {
  readonly req: { readonly raw: Request }
  readonly env: unknown
}

export interface AppOptions {
  readonly cache: Cache
  /** What a client may do: `bearerAuth({ read, write, evict })`, or `openToAll`. */
  readonly auth: Authorizer
  /** Where values come from and are written to. @default none: values are those that were put */
  readonly origin?: Origin
  /**
   * Namespaces that are served; any can be evicted. Required with `origin`.
   * @default those that clients name: a hundred at most hold values at once, and those used longest ago give way
   */
  readonly namespaces?: readonly string[]
  /** The largest body that is read, in bytes. @default 1_000_000 */
  readonly maxBodyBytes?: number
  /** Bytes of all bodies that are being received at once; more are refused with 503. @default 32_000_000 */
  readonly maxBufferedBytes?: number
  /** Told who has written or evicted what, and each refused credential. @default nothing */
  readonly audit?: AuditOptions
  /**
   * Bounds of `GET /cache/:namespace/events` and `…/dump`, which tell a client that may read what is evicted and what is held;
   * `false` for neither of them.
   */
  readonly bulk?: BulkOptions | false
  /** Called with unexpected errors. The app answers them with a generic 500. */
  readonly onError?: (error: unknown) => void
  /** As of the middleware `kedge()`: whether a request that wrote something sets the cookie `kedge-token`. @default false */
  readonly cookie?: boolean | TokenCookieOptions
  /** As of the middleware `kedge()`: whether answers of the cache carry `Server-Timing`. @default false */
  readonly timing?: boolean
  /** Counts the requests, refused ones too: `otlpMetrics()`, say. @default nothing */
  readonly metrics?: RequestMetrics
  /** As of the middleware `kedge()`: the platform's request context, where Hono does not know it. */
  context?(c: HandledRequest): RequestContext
}
