/**
 * The cache within one request: each call of it is of the request's scope.
 *
 * @module
 */
import type { CacheScope, Freshness } from './api/cache-types.ts'
import type { Namespace } from './api/namespace-types.ts'
import type { ReadOptions } from './api/read-types.ts'
import type { WriteOptions } from './api/write-types.ts'
import type { RequestScope } from './coherence/request-scope.ts'
import type { Token } from './wire/token.ts'

/** What can be asked of a cache in a scope. */
export interface ScopedCache {
  namespaceIn<T>(scope: RequestScope, name: string): Namespace<T>
  clearIn(scope: RequestScope, options: WriteOptions | undefined): Promise<Token>
  syncIn(scope: RequestScope, options: ReadOptions | undefined): Promise<Freshness>
  freshness(): Freshness
}

/** A cache as it is seen within a request. */
export class CacheInRequest implements CacheScope {
  readonly #cache: ScopedCache
  readonly #scope: RequestScope

  constructor(cache: ScopedCache, scope: RequestScope) {
    this.#cache = cache
    this.#scope = scope
  }

  get token(): Token | undefined {
    return this.#scope.token
  }

  namespace<T = unknown>(name: string): Namespace<T> {
    return this.#cache.namespaceIn<T>(this.#scope, name)
  }

  async clear(options?: WriteOptions): Promise<Token> {
    return this.#cache.clearIn(this.#scope, options)
  }

  async sync(options?: ReadOptions): Promise<Freshness> {
    return this.#cache.syncIn(this.#scope, options)
  }

  freshness(): Freshness {
    return this.#cache.freshness()
  }
}
