/**
 * A handler for the `cacheHandlers` of Next.js 16: what functions and components with `'use cache'` made is held in this
 * process, and `updateTag`, `revalidateTag` and `revalidatePath` of any process reach it.
 *
 * @module
 */
import type { Options } from '../../src/api/option-check.ts'
import { MAX_KEY_LENGTH } from '../../src/wire/ids.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import type { Schema } from '../../src/api/schema.ts'
import type { Cache } from '../../src/api/cache-types.ts'
import type { Duration } from '../../src/runtime/duration.ts'
import { DeferredFills } from './deferred-fill.ts'
import type { HeldEntry, NextCacheEntry } from './next/entry.ts'
import { holdEntry, ttlMsOf, nextNow, releaseEntry } from './next/entry.ts'
import type { NextCacheHandler } from './next/handler.ts'
import { groupsOf, type SoftTag, SoftTags } from './next/soft-tags.ts'
import { PendingSets } from './next/pending-sets.ts'
import { check, longerThanNothing } from '../options.ts'
import { count, duration, text } from '../option-tests.ts'

export type { NextCacheEntry, NextCacheHandler }

export interface NextCacheHandlerOptions {
  /** The namespace that entries are held in; the handler declares it. @default 'next' */
  readonly namespace?: string
  /** An entry lives no longer, whatever `cacheLife` says: the backstop of coherence. @default '1h' */
  readonly maxTtl?: Duration
  /** A larger entry is not held. @default 2_000_000 */
  readonly maxEntryBytes?: number
}

type Held = HeldEntry | SoftTag

/** Refuses every value that another process has made. */
const NONE: Schema<Held> = {
  '~standard': {
    version: 1,
    vendor: 'kedge',
    validate: () => ({ issues: [{ message: 'is of another process' }] }),
  },
}

const shape: Options = {
  namespace: text,
  maxTtl: duration,
  maxEntryBytes: count(1),
}

/**
 * The handler holds no entry that an eviction overtook while Next.js made it, nor one that took longer than
 * ten seconds. When the cache is broken only `updateTags` rejects.
 *
 * @throws TypeError quoting the option that is wrong, or the namespace that is declared already.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { nextCacheHandler } from 'kedge/adapters/next'
 * import { memory } from 'kedge/testing'
 *
 * const cache = createCache({ kafka: memory() })
 * export default nextCacheHandler(cache)
 * ```
 */
export function nextCacheHandler(cache: Cache, options: NextCacheHandlerOptions = {}): NextCacheHandler {
  check(shape, options, 'nextCacheHandler')
  const maxTtlMs = longerThanNothing(options.maxTtl ?? '1h', 'maxTtl')
  const { namespace = 'next', maxEntryBytes = 2_000_000 } = options
  // The handler takes no entry that another process made: it cannot know which paths were revalidated since.
  const mine = {
    without: ['sharedTier', 'replicate'],
    schema: NONE,
    tags: (held: Held) => held.tags,
  }
  const space = cache.namespace<Held>(namespace, mine)
  const marks = new SoftTags(space)
  const fills = new DeferredFills(space, systemRuntime({ now: nextNow }))
  const sets = new PendingSets()
  const ttl = (held: Held): number => ('bytes' in held ? Math.min(ttlMsOf(held), maxTtlMs) : 0)
  const find = async (cacheKey: string, softTags: readonly string[]): Promise<HeldEntry | undefined> => {
    const key = await marks.key(cacheKey, softTags)
    if (key === undefined) return undefined
    // Without a proof the cache holds no new entry, and waiting for one would take up load slots.
    const held = await (cache.freshness().proved ? fills.read(key, { ttl }) : space.get(key))
    if (held === undefined) sets.expect(cacheKey, key)
    return held as HeldEntry | undefined
  }
  const keep = async (cacheKey: string, pendingEntry: Promise<NextCacheEntry>): Promise<void> => {
    // `undefined` where Next.js failed to make the entry, or its stream broke off.
    const held = await pendingEntry.then((entry) => holdEntry(entry, maxEntryBytes)).catch(() => undefined)
    for (const key of sets.expected(cacheKey)) await fills.bring(key, held, { since: held?.timestamp })
  }
  return {
    get: async (cacheKey, softTags) => {
      await sets.ended(cacheKey)
      const held = await find(cacheKey, softTags).catch(() => undefined)
      return held && releaseEntry(held)
    },
    set: (cacheKey, pendingEntry) => sets.run(cacheKey, keep(cacheKey, pendingEntry)),
    async refreshTags() {
      if (!cache.freshness().proved) await cache.sync()
      else cache.for({ waitUntil: () => undefined })
      await marks.renew().catch(() => undefined)
    },
    getExpiration: async () => Infinity,
    async updateTags(tags) {
      // An entry with a longer tag is never held.
      const all = [...new Set([...tags.filter((tag) => tag.length <= MAX_KEY_LENGTH), ...groupsOf(tags)])]
      if (all.length > 0) await space.invalidateTags(all)
    },
  }
}
