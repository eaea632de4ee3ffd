/**
 * Memcached as a shared tier: values, each with its as-of.
 *
 * It follows no log, and has no applier. An applied position must be lost together with everything that it
 * covers, and Memcached loses items one by one: it could forget the eviction of a namespace or of a key, and
 * keep the position beyond it (decision 73). So the tier calls no value covered; an isolate uses a value only if it
 * knows every eviction since the value's as-of. Stores are by CAS, so that of two values at once the newer one
 * stays.
 *
 * When a server is down, readers miss its values. Its keys are not moved to others.
 *
 * @module
 */
import type { Options } from '../../../src/api/option-check.ts'
import type { Tier } from '../../../src/ports/tier.ts'
import type { Duration } from '../../../src/runtime/duration.ts'
import { tierOfItems } from '../shared/tier-of-items.ts'
import { check, longerThanNothing } from '../../options.ts'
import { duration } from '../../option-tests.ts'
import type { MemcachedConnection } from './connection.ts'
import { checkConnection, prefixShape } from './options.ts'
import { memcachedItems } from './tier-items.ts'

export interface MemcachedTierOptions {
  /** Begins the name of every item. @default 'kedge:' */
  readonly prefix?: string
  /** How long a call may take in all. @default '1s' */
  readonly timeout?: Duration
}

export interface MemcachedTier extends Tier {
  /** Items below the prefix that are not values of this tier: another program writes there. */
  readonly ignored: number
}

const shape: Options = {
  prefix: prefixShape,
  timeout: duration,
}

/**
 * A tier in Memcached. Values are opaque there; no other program should write below its prefix.
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
  const { prefix = 'kedge:' } = options
  return tierOfItems(memcachedItems(connection), {
    name: connection.name,
    prefix: `${prefix}t:`,
    timeoutMs,
  })
}
