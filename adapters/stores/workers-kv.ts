/**
 * Workers KV as a shared tier of Cloudflare Workers: values, each with its as-of.
 *
 * KV is eventually consistent, has no compare-and-set, and shows a write elsewhere after a minute or more.
 * All of that costs misses and never freshness: each item carries the log position as of which its value was
 * read, and an isolate serves it only if the isolate knows every eviction since. KV may show an old value for
 * a while, or keep an old value over a newer one (the last of two writers wins, not the newer value):
 * isolates refuse the old value, and load. Where KV does not show a delete yet, isolates refuse the deleted
 * value in the same way. This tier follows no log, because KV may show a position before it shows the deletes
 * that the position covers. Before a write the tier reads the item, so that it does not overwrite a newer
 * value without need.
 *
 * @module
 */
import type { Options } from '../../src/api/option-check.ts'
import { durationMs } from '../../src/runtime/duration.ts'
import type { Tier } from '../../src/ports/tier.ts'
import type { Duration } from '../../src/runtime/duration.ts'
import { tierOfItems } from './shared/tier-of-items.ts'
import { check, longerThanNothing } from '../options.ts'
import { count, duration, textLike } from '../option-tests.ts'
import { KvSession, MIN_TTL_S } from './workers-kv/items.ts'
import type { KVNamespaceLike } from './workers-kv/namespace.ts'

export type { KVItemLike, KVNamespaceLike } from './workers-kv/namespace.ts'

export interface WorkersKvOptions {
  /** Begins the name of every key. @default 'kedge:' */
  readonly prefix?: string
  /**
   * How long a data center may keep what it has read. Longer is faster, and lags more. At least 30 seconds: Cloudflare's
   * limits of Workers KV.
   * @default '60s'
   */
  readonly cacheTtl?: Duration
  /**
   * The largest value that is stored. A bulk read returns 25 MiB at most: the larger this is, the fewer keys are asked
   * for at once.
   * @default 196_000, with which it is 100
   */
  readonly maxValueBytes?: number
  /** How long a call may take in all. @default '1s' */
  readonly timeout?: Duration
}

export interface WorkersKvTier extends Tier {
  /** Items below the prefix that are not values of this tier: another program writes there. */
  readonly ignored: number
}

const MIN_CACHE_TTL_S = 30

const shape: Options = {
  prefix: textLike(/^[\x21-\x7e]{1,64}$/, 'must be 1 to 64 printable ASCII characters without spaces'),
  cacheTtl: duration,
  maxValueBytes: count(1),
  timeout: duration,
}

/**
 * A tier in a KV namespace. Its values live for 60 seconds at least: what has less to live is not written.
 *
 * A read of up to 100 keys is one bulk read, and one subrequest; a write is one read and a put for each key. KV takes one
 * write a second for each key.
 *
 * @throws TypeError where an option is wrong or unknown.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { gateway } from 'kedge/adapters/gateway'
 * import { type KVNamespaceLike, workersKv } from 'kedge/adapters/workers-kv'
 * import { sharedTier } from 'kedge/tier'
 *
 * declare const env: { readonly KV: KVNamespaceLike }
 * const cache = createCache({
 *   kafka: gateway({ url: 'https://kafka.example' }),
 *   use: [sharedTier(workersKv(env.KV, { cacheTtl: '5m' }))],
 * })
 * ```
 */
export function workersKv(namespace: KVNamespaceLike, options: WorkersKvOptions = {}): WorkersKvTier {
  check(shape, options, 'workersKv')
  if (typeof namespace?.getWithMetadata !== 'function' || typeof namespace.put !== 'function') {
    throw new TypeError('`namespace` must be a KV namespace')
  }
  const cacheTtl = Math.floor(durationMs(options.cacheTtl ?? '60s', 'cacheTtl') / 1000)
  if (cacheTtl < MIN_CACHE_TTL_S) throw new TypeError('`cacheTtl` must be at least 30 seconds')
  const timeoutMs = longerThanNothing(options.timeout ?? '1s', 'timeout')
  const { prefix = 'kedge:', maxValueBytes = 196_000 } = options
  return tierOfItems(
    {
      groupOf: () => undefined,
      open: (_, signal) => new KvSession(namespace, { cacheTtl, maxValueBytes }, signal),
    },
    { name: 'workers-kv', prefix: `${prefix}t:`, timeoutMs, maxValueBytes, minTtlMs: MIN_TTL_S * 1000 },
  )
}
