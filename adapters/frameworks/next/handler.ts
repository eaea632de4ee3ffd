/** What Next.js asks of a handler. @module */
import type { NextCacheEntry } from './entry.ts'

/** The `CacheHandler` of Next.js 16. */
export interface NextCacheHandler {
  get(cacheKey: string, softTags: string[]): Promise<NextCacheEntry | undefined>
  set(cacheKey: string, pendingEntry: Promise<NextCacheEntry>): Promise<void>
  /** The boundary of a request: waits for a proof of freshness where the last one is older than `maxStaleness`. */
  refreshTags(): Promise<void>
  /** Always `Infinity`: `get` judges soft tags itself. */
  getExpiration(tags: string[]): Promise<number>
  /** Evicts everywhere, at once. Rejects with `ERR_PUBLISH` when Kafka does not acknowledge it. */
  updateTags(tags: string[], durations?: { expire?: number }): Promise<void>
}
