/**
 * The Cache API as a shared tier: between the isolates of one data center of Cloudflare.
 *
 * It costs nothing and answers from the same data center; no other data center sees its values. It has no
 * compare-and-set and may drop any item at any time. Both cost misses and never freshness: each value carries
 * the log position as of which it was read, and an isolate serves it only if the isolate knows every eviction
 * since. This tier follows no log, because the Cache API may drop the items that a position covers and keep
 * the position.
 *
 * On `*.workers.dev`, in the dashboard's editor and behind Cloudflare Access the Cache API does nothing: every read is a
 * miss then. It needs a Worker on your own domain.
 *
 * @module
 */
import { must, type Options } from '../../src/api/option-check.ts'
import type { Tier } from '../../src/ports/tier.ts'
import type { Duration } from '../../src/runtime/duration.ts'
import { cacheItems } from './cache-api/items.ts'
import type { CacheLike } from './cache-api/store.ts'
import { tierOfItems } from './shared/tier-of-items.ts'
import { check, longerThanNothing } from '../options.ts'
import { count, duration, text } from '../option-tests.ts'

export type { CacheLike } from './cache-api/store.ts'

export interface CacheApiOptions {
  /**
   * Begins the URLs that values are kept under; the adapter sends no request there. Give each deployment that
   * must not share its values an origin of its own.
   * @default 'https://kedge.invalid'
   */
  readonly origin?: string
  /** The largest value that is stored and read. @default 16_000_000 */
  readonly maxValueBytes?: number
  /** How long a call may take in all. @default '1s' */
  readonly timeout?: Duration
}

export interface CacheApiTier extends Tier {
  /** Responses below the origin that are not values of this tier: another program writes there. */
  readonly ignored: number
}

const isOrigin = must(
  (value: string) =>
    URL.canParse(value) && /^https?:$/.test(new URL(value).protocol) && new URL(value).origin === value,
  'must be an origin, https://host, without a slash at its end',
)

const shape: Options = {
  origin: (value) => text(value) ?? isOrigin(value),
  maxValueBytes: count(1),
  timeout: duration,
}

/**
 * A tier in a cache: `caches.default`, or a function that opens another one when it is first needed.
 *
 * Each key of a read and of a write is a subrequest; a request may make 1000 (50 on the free plan).
 *
 * @throws TypeError where an option is wrong or unknown.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { cacheApi } from 'kedge/adapters/cache-api'
 * import { gateway } from 'kedge/adapters/gateway'
 * import { sharedTier } from 'kedge/tier'
 *
 * const cache = createCache({
 *   kafka: gateway({ url: 'https://kafka.example' }),
 *   use: [sharedTier(cacheApi(() => caches.open('kedge')))],
 * })
 * ```
 */
export function cacheApi(
  cache: CacheLike | (() => CacheLike | Promise<CacheLike>),
  options: CacheApiOptions = {},
): CacheApiTier {
  check(shape, options, 'cacheApi')
  if (typeof cache !== 'function' && typeof cache?.match !== 'function') {
    throw new TypeError('`cache` must be a cache, or a function that opens one')
  }
  const timeoutMs = longerThanNothing(options.timeout ?? '1s', 'timeout')
  const { origin = 'https://kedge.invalid', maxValueBytes = 16_000_000 } = options
  const items = cacheItems(cache, { origin, maxValueBytes })
  return tierOfItems(items, { name: 'cache-api', prefix: 't:', timeoutMs, maxValueBytes })
}
