/**
 * A store for Keyv, made of a namespace.
 *
 * @module
 */
import * as z from 'zod'
import type { Duration, Namespace } from '../src/types.ts'
import { check, durationShape, longerThanNothing } from './options.ts'

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
  get(key: string): Promise<unknown>
  getMany(keys: string[]): Promise<unknown[]>
  set(key: string, value: unknown, ttl?: number): Promise<boolean>
  setMany(entries: readonly KeyvStoreEntry[]): Promise<boolean[]>
  has(key: string): Promise<boolean>
  /** Whether it was there is not known: others may have held it. */
  delete(key: string): Promise<boolean>
  deleteMany(keys: string[]): Promise<boolean[]>
  clear(): Promise<void>
}

const shape = z.strictObject({ maxTtl: durationShape.optional() })

/**
 * A value that is set is the value from now on, everywhere: what others hold of its key is evicted, and in mode
 * `'replicate'` or with a shared tier they get it. What is not held here is not found: it is a cache, not a database.
 * A write that Kafka does not acknowledge rejects with `ERR_PUBLISH`.
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
  const set = async (key: string, value: unknown, ttl = maxTtlMs): Promise<boolean> => {
    // Its time is over already: what others hold of it is over as well.
    if (ttl <= 0) await namespace.delete(key)
    else await namespace.set(key, value, { ttl: Math.min(ttl, maxTtlMs) })
    return true
  }
  return {
    get: async (key) => namespace.get(key),
    async getMany(keys) {
      const found = await namespace.getMany(keys)
      return keys.map((key) => found.get(key))
    },
    set: async (key, value, ttl) => set(key, value, ttl),
    // Begun in one turn, they go out together.
    setMany: async (entries) => Promise.all(entries.map(({ key, value, ttl }) => set(key, value, ttl))),
    has: async (key) => (await namespace.get(key)) !== undefined,
    async delete(key) {
      await namespace.delete(key)
      return true
    },
    async deleteMany(keys) {
      if (keys.length > 0) await namespace.delete(keys)
      return keys.map(() => true)
    },
    clear: async () => void (await namespace.clear()),
  }
}
