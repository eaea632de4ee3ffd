/**
 * Which namespaces are served.
 *
 * @module
 */
import { NAMESPACE_PATTERN } from '../src/wire/ids.ts'
import type { Cache, CacheScope } from '../src/api/cache-types.ts'
import type { Namespace } from '../src/api/namespace-types.ts'
import { unknownNamespace } from './request.ts'

/** Namespaces that clients may create where no list is given. Each costs some memory for good. */
const MAX_UNLISTED = 100
/** A namespace that exists for readiness alone: its partition is followed. */
const READINESS = '.readyz'

/** The namespaces of a list; without one, the first hundred that clients ask for. */
export class ServedNamespaces {
  readonly #names: Set<string>
  readonly #isListed: boolean

  /** @throws TypeError when a name is none, or the list is empty. */
  constructor(cache: Cache, names?: readonly string[]) {
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
    if (!this.#names.has(name)) {
      if (this.#isListed || this.#names.size >= MAX_UNLISTED) throw unknownNamespace()
      this.#names.add(name)
    }
    return scope.namespace(name)
  }
}
