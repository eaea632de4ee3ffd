/**
 * A cache for `@epic-web/cachified`, made of a namespace: cachified decides what to load and checks it, kedge holds it and
 * hears what is no longer valid.
 *
 * @module
 */
import type { Options } from '../../src/api/option-check.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import type { Duration } from '../../src/runtime/duration.ts'
import type { Namespace } from '../../src/api/namespace-types.ts'
import { PendingLoads } from './cachified/pending-loads.ts'
import { DeferredFills } from './deferred-fill.ts'
import { check, longerThanNothing } from '../options.ts'
import { duration, text } from '../option-tests.ts'

/** What cachified keeps of a value: cachified 5, `CacheEntry`. */
export interface CachifiedEntry<V = unknown> {
  readonly metadata: {
    readonly createdTime: number
    /** Milliseconds; none or infinite: as long as may be. */
    readonly ttl?: number | null
    readonly swr?: number | null
  }
  readonly value: V
}

export interface CachifiedCacheOptions {
  /** In cachified's reports. @default the name of the namespace */
  readonly name?: string
  /** A value lives no longer, whatever cachified says: the backstop of coherence. @default '1h' */
  readonly maxTtl?: Duration
  /** How long after its `ttl` a value is still kept for cachified's own `swr`. @default 0 */
  readonly swr?: Duration
}

/** The `Cache` of cachified 5.6 and later. */
export interface CachifiedCache {
  readonly name: string
  get<V = unknown>(key: string): Promise<CachifiedEntry<V> | undefined>
  set(key: string, entry: CachifiedEntry): Promise<void>
  delete(key: string): Promise<void>
}

/**
 * For a second copy of cachified, whose loads cannot be seen, the time is all there is. It takes that when it is called,
 * and reads in the same turn: a tick of the clock may fall in between.
 */
const TICK_MS = 1

const shape: Options = {
  name: text,
  maxTtl: duration,
  swr: duration,
}

/**
 * `delete` evicts everywhere. `set` brings what a `get` before it did not find, and is not an eviction: what cachified
 * loaded beside an eviction is not held. That is judged by the positions of the log, and by the list of loads that
 * cachified keeps (`getPendingValuesCache`), so neither by the time of day nor by the order in which loads end.
 *
 * @throws TypeError quoting the option that is wrong.
 * @example
 * ```ts
 * import { cachified } from '@epic-web/cachified'
 * import { createCache } from 'kedge'
 * import { type CachifiedEntry, cachifiedCache } from 'kedge/adapters/cachified'
 * import { memory } from 'kedge/testing'
 *
 * const users = createCache({ kafka: memory() }).namespace<CachifiedEntry>('users')
 * const cache = cachifiedCache(users)
 *
 * const user = await cachified({ cache, key: '7', ttl: 60_000, getFreshValue: () => ({ name: 'Ada' }) })
 * await users.delete('7') // after the commit, from anywhere
 * ```
 */
export function cachifiedCache(
  namespace: Namespace<CachifiedEntry>,
  options: CachifiedCacheOptions = {},
): CachifiedCache {
  check(shape, options, 'cachifiedCache')
  const maxTtlMs = longerThanNothing(options.maxTtl ?? '1h', 'maxTtl')
  const loads = new PendingLoads()
  const fills = new DeferredFills(namespace, systemRuntime(), { loads })
  // No `ttl` is cachified's way to say for ever, a negative one that it is not to be kept.
  const ttl = ({ metadata }: CachifiedEntry): number =>
    Math.max(0, Math.min(metadata.ttl ?? maxTtlMs, maxTtlMs))
  const { swr = 0 } = options
  const cache: CachifiedCache = {
    name: options.name ?? namespace.name,
    // No arrows: a cache that is made of this one is another one to cachified.
    async get<V>(this: unknown, key: string) {
      loads.meet(ofCachified(this))
      return (await fills.read(key, { ttl, swr })) as CachifiedEntry<V> | undefined
    },
    async set(this: unknown, key, entry) {
      const via = ofCachified(this)
      const { createdTime } = entry.metadata
      const load = loads.setting(via, key, createdTime)
      // No load of cachified: `softPurge`, or a value that was only migrated. When it was read is not known.
      if (load === undefined && loads.isTold) return
      const origin = { since: createdTime, graceMs: TICK_MS, load: load && { of: load, via } }
      loads.meet(via)
      await fills.bring(key, entry, origin)
    },
    delete: async (key) => void (await namespace.delete(key)),
  }
  const ofCachified = (self: unknown): object => (typeof self === 'object' && self !== null ? self : cache)
  return cache
}
