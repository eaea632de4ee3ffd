/**
 * Which namespaces are served, and which may be evicted.
 *
 * @module
 */
import QuickLRU from 'quick-lru'
import { NAMESPACE_PATTERN } from '../src/wire/ids.ts'
import type { Cache, CacheScope } from '../src/api/cache-types.ts'
import type { Namespace } from '../src/api/namespace-types.ts'
import { partsIn } from '../src/write/cache-parts.ts'
import type { CacheParts } from '../src/write/cache-parts.ts'
import { unknownNamespace } from './request.ts'

/** Namespaces without a place of their own that the cache knows at once. Their names come from clients. */
const MAX_UNLISTED = 100
/** A namespace that exists for readiness alone: its partition is followed. */
const READINESS = '.readyz'

/** The namespaces of a list; without one, those that clients name. */
export class ServedNamespaces {
  /** Absent where the cache is another program's: it bounds its namespaces itself. */
  readonly #parts: CacheParts | undefined
  readonly #isListed: boolean
  readonly #names: Set<string>
  /** Keeps two generations, so it is given half of the bound. */
  readonly #unlisted = new QuickLRU<string, true>({
    maxSize: MAX_UNLISTED / 2,
    onEviction: (name) => this.#parts?.forget(name),
  })

  /** @throws TypeError when a name is none, or the list is empty. */
  constructor(cache: Cache, names?: readonly string[]) {
    this.#parts = partsIn(cache)
    for (const name of names ?? []) {
      if (!NAMESPACE_PATTERN.test(name))
        throw new TypeError('`namespaces` has a name that is not 1 to 64 letters, digits, `.`, `_` or `-`')
      // Declared at once, so that their partitions are polled and `/readyz` speaks of them.
      cache.namespace(name)
    }
    if (names?.length === 0) throw new TypeError('`namespaces` must not be empty')
    this.#names = new Set(names)
    this.#isListed = names !== undefined
  }

  /**
   * Makes the cache follow a partition. Without a list it would follow none before the first request and
   * prove nothing, and a balancer that waits for readiness would never send that request.
   */
  follow(scope: CacheScope): void {
    if (!this.#isListed) scope.namespace(READINESS)
  }

  /** @throws Problem 404 when it is not served. */
  open(scope: CacheScope, name: string): Namespace<unknown> {
    if (this.#isListed && !this.#names.has(name)) throw unknownNamespace()
    return this.toEvict(scope, name)
  }

  /** Any namespace, to evict from it: other caches may hold what this one does not serve. */
  toEvict(scope: CacheScope, name: string): Namespace<unknown> {
    if (!this.#names.has(name)) this.#place(name)
    return scope.namespace(name)
  }

  /** Gives a namespace a place among those that clients have named: that of an empty one, or of the one used longest ago. */
  #place(name: string): void {
    // `get`, because `set` leaves a name that is known in the older generation, with which it would be forgotten.
    if (this.#parts === undefined || this.#unlisted.get(name) === true) return
    const { stores } = this.#parts
    // Declared by the program: it is not for clients to push out.
    if (stores.has(name)) return
    if (this.#unlisted.size >= MAX_UNLISTED / 2)
      for (const each of this.#unlisted.keys()) if (stores.get(each)?.entries === 0) this.#forget(each)
    this.#unlisted.set(name, true)
  }

  #forget(name: string): void {
    this.#unlisted.delete(name)
    this.#parts?.forget(name)
  }
}
