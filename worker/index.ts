/**
 * kedge behind HTTP: a middleware for Hono apps, and a read-through worker that can be deployed as it is.
 *
 * @module
 */
import type { CacheScope } from '../src/api/cache-types.ts'

export * from './library.ts'

// Every app that uses the middleware then knows `c.var.cache`. Here and nowhere deeper: JSR takes no module that adds to
// the types of another, and gets `library.ts`, where an app says `new Hono<KedgeEnv>()`.
declare module 'hono' {
  interface ContextVariableMap {
    /** The cache within this request. Set by `kedge(cache)`. */
    cache: CacheScope
  }
}
