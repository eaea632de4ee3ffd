/**
 * A store for Keyv, made of a namespace.
 *
 * @module
 */
import type { Options } from '../../src/api/option-check.ts'
import type { Duration } from '../../src/runtime/duration.ts'
import type { Namespace } from '../../src/api/namespace-types.ts'
import { check, longerThanNothing } from '../options.ts'
import { duration } from '../option-tests.ts'

export interface KeyvStoreOptions {
  /** A value lives no longer, whatever its TTL says, and so long where it has none. @default '1h' */
  readonly maxTtl?: Duration
}

/** One of several values; `ttl` in milliseconds. */
export interface KeyvStoreEntry {
  readonly key: string
  readonly value: unknown
  readonly ttl?: number | undefined
}

/** A store that answers with promises, as Keyv 5 and 6 take it: `KeyvBridgeStore` of the latter. */
export interface KeyvStore {
  /**
   * Keyv's own `namespace`: Keyv sets it, the store keeps the keys of it apart, as `name::key`, and `clear` evicts
   * those alone. It is set once: one store for each instance of Keyv.
   */
  namespace: string | undefined
  get(key: string): Promise<unknown>
  getMany(keys: string[]): Promise<unknown[]>
  set(key: string, value: unknown, ttl?: number): Promise<boolean>
  setMany(entries: readonly KeyvStoreEntry[]): Promise<boolean[]>
  has(key: string): Promise<boolean>
  hasMany(keys: string[]): Promise<boolean[]>
  /** Always `true`: the store does not know whether another isolate held the key. */
  delete(key: string): Promise<boolean>
  deleteMany(keys: string[]): Promise<boolean[]>
  /** Evicts what this store may hold: the keys of Keyv's `namespace`, or all where it has none. */
  clear(): Promise<void>
}

const shape: Options = {
  maxTtl: duration,
}

/**
 * `set` evicts the key everywhere; with `replicate()` or `sharedTier()` other isolates get the new
 * value. `get` finds only what the cache holds: it is a cache, not a database. A write that Kafka does not
 * acknowledge rejects with `ERR_PUBLISH`.
 *
 * Keyv's `namespace` is kept within the namespace of the cache, by a prefix.
 *
 * @throws TypeError quoting the option that is wrong.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { keyvStore } from 'kedge/adapters/keyv'
 * import { memory } from 'kedge/testing'
 * import { Keyv } from 'keyv'
 *
 * const sessions = createCache({ kafka: memory() }).namespace('sessions')
 * const keyv = new Keyv({ store: keyvStore(sessions) })
 *
 * await keyv.set('k1', { user: '7' }, 60_000)
 * ```
 */
export function keyvStore(namespace: Namespace<unknown>, options: KeyvStoreOptions = {}): KeyvStore {
  check(shape, options, 'keyvStore')
  const maxTtlMs = longerThanNothing(options.maxTtl ?? '1h', 'maxTtl')
  const scope = new KeyvScope()
  const set = async (key: string, value: unknown, ttl = maxTtlMs): Promise<boolean> => {
    // A value without time left is a delete: what other isolates hold of the key must go as well.
    if (ttl <= 0) await namespace.delete(scope.key(key))
    else await namespace.set(scope.key(key), value, { ttl: Math.min(ttl, maxTtlMs) })
    return true
  }
  const getMany = async (keys: readonly string[]): Promise<unknown[]> => {
    const found = await namespace.getMany(keys.map((key) => scope.key(key)))
    return keys.map((key) => found.get(scope.key(key)))
  }
  return {
    get namespace() {
      return scope.name
    },
    set namespace(name) {
      scope.name = name
    },
    get: async (key) => namespace.get(scope.key(key)),
    getMany: async (keys) => getMany(keys),
    set: async (key, value, ttl) => set(key, value, ttl),
    // Begun in one turn, they go out together.
    setMany: async (entries) => Promise.all(entries.map(({ key, value, ttl }) => set(key, value, ttl))),
    has: async (key) => (await namespace.get(scope.key(key))) !== undefined,
    hasMany: async (keys) => (await getMany(keys)).map((value) => value !== undefined),
    async delete(key) {
      await namespace.delete(scope.key(key))
      return true
    },
    async deleteMany(keys) {
      if (keys.length > 0) await namespace.delete(keys.map((key) => scope.key(key)))
      return keys.map(() => true)
    },
    async clear() {
      const { prefix } = scope
      await (prefix === '' ? namespace.clear() : namespace.invalidatePrefix(prefix))
    },
  }
}

/** Keyv's `namespace`, and the keys in it. */
class KeyvScope {
  #name: string | undefined
  #prefix = ''

  get name(): string | undefined {
    return this.#name
  }

  /** @throws TypeError where it has another name already: two instances of Keyv would read each other's values. */
  set name(name: string | undefined) {
    if (name === this.#name) return
    if (this.#name !== undefined)
      throw new TypeError(
        `the store is of Keyv's \`namespace\` \`${this.#name}\`: make another by keyvStore() for \`${name ?? ''}\``,
      )
    this.#name = name
    // Without colons of its own, so that what follows the first two is the key.
    this.#prefix = name === undefined || name === '' ? '' : `${encodeURIComponent(name)}::`
  }

  /** What its keys begin with; empty where it has no name. */
  get prefix(): string {
    return this.#prefix
  }

  key(key: string): string {
    return this.#prefix + key
  }
}
