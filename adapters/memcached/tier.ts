/**
 * Memcached as a shared tier: values, and how old they are.
 *
 * It follows no log, and has no applier. An applied position would have to be lost with everything that it speaks for,
 * and Memcached loses items one by one: it could forget that a namespace was evicted, or that a key was, and keep the
 * position that says so. So no value is called covered; its as-of alone counts: isolates that know the evictions since
 * then use it. Stores are by CAS, so that of two values at once the newer one stays.
 *
 * A server that is down is one whose values are missed. Its keys are not moved to others.
 *
 * @module
 */
import * as z from 'zod'
import type { Tier } from '../../src/tier.ts'
import type { Duration } from '../../src/types.ts'
import { tierOfItems } from '../tier-of-items.ts'
import { check, durationShape, longerThanNothing } from '../options.ts'
import type { MemcachedConnection } from './connection.ts'
import { checkConnection, prefixShape } from './options.ts'
import { TierItems } from './tier-items.ts'

export interface MemcachedTierOptions {
  /** Begins the name of every item. @default 'kedge:' */
  readonly prefix?: string
  /** How long a call may take in all. @default '1s' */
  readonly timeout?: Duration
}

export interface MemcachedTier extends Tier {
  /** Items that were found in the place of values and were none: somebody else writes below the prefix. */
  readonly ignored: number
}

const shape = z.strictObject(
  { prefix: prefixShape.optional(), timeout: durationShape.optional() },
  { error: 'must be an object' },
)

/**
 * A tier in Memcached. Values are opaque there; nobody else should write below its prefix.
 *
 * @throws TypeError where an option is wrong or unknown.
 * @example
 * ```ts
 * import { Memcache } from 'memcache'
 * import { memcached, memcachedTier } from 'kedge/adapters/memcached'
 *
 * const client = new Memcache({ nodes: ['127.0.0.1:11211'] })
 * const tier = memcachedTier(memcached(client), { timeout: '200ms' })
 * ```
 */
export function memcachedTier(
  connection: MemcachedConnection,
  options: MemcachedTierOptions = {},
): MemcachedTier {
  checkConnection(connection)
  check(shape, options, 'memcachedTier')
  const timeoutMs = longerThanNothing(options.timeout ?? '1s', 'timeout')
  const items = new TierItems(connection, `${options.prefix ?? 'kedge:'}t:`)
  return tierOfItems(connection.name, items, timeoutMs)
}
