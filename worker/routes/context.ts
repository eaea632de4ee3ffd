/**
 * What every route is given.
 *
 * @module
 */
import type { Context } from 'hono'
import type { Cache } from '../../src/api/cache-types.ts'
import type { AuditedAct } from '../audit.ts'
import type { Origin } from '../origin.ts'
import type { Bodies } from '../request-body.ts'
import type { ServedNamespaces } from '../served-namespaces.ts'

export interface RouteContext {
  readonly cache: Cache
  readonly served: ServedNamespaces
  readonly origin: Origin | undefined
  readonly bodies: Bodies
  /** Whose credential the request has shown, where that is known. */
  readonly bearerOf: (c: Context) => string | undefined
  /** Lets what was begun end also when the client has gone: between a commit and its eviction nothing may stop. Audits it. */
  readonly lasting: (c: Context, act: AuditedAct, work: Promise<string>) => Promise<string>
}
