/**
 * `kedge/tier`: a store that isolates share, between them and the source.
 *
 * @module
 */
import type { Evicted, Feature, Held, SourceContext } from '../api/feature.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import { readPast } from '../coherence/look-back.ts'
import type { Tier } from '../ports/tier.ts'
import type { CoreHooks, CoreSourceContext } from '../read/core-hooks.ts'
import { partsOfHost } from '../write/cache-parts.ts'
import { tierSettings } from './settings.ts'
import type { SharedTierOptions } from './settings.ts'
import { SharedTier } from './shared-tier.ts'

export type { SharedTierOptions, TierBreakerOptions } from './settings.ts'
export type { NamespaceFilter } from '../api/namespace-filter.ts'

/**
 * A store that isolates share, as a feature of a cache: a miss asks it before the loader, and what is loaded or set is
 * stored there. A value of it is served only if every eviction since its as-of is known, here or to the tier.
 *
 * @param tier `redisTier()`, `memcachedTier()`, `workersKv()`, `cacheApi()`, or one of your own
 * @throws TypeError quoting the option that is wrong.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { memory, memoryTier } from 'kedge/testing'
 * import { sharedTier } from 'kedge/tier'
 *
 * createCache({ kafka: memory(), use: [sharedTier(memoryTier(), { timeout: '50ms' })] })
 * ```
 */
export function sharedTier(tier: Tier, options: SharedTierOptions = {}): Feature {
  for (const method of ['getMany', 'setMany', 'deleteMany'] as const)
    if (typeof (tier as Partial<Tier> | undefined)?.[method] !== 'function')
      throw new TypeError('`tier`: must have getMany, setMany, deleteMany')
  const settings = tierSettings(options)
  const { concerns, timeoutMs, lookBack } = settings
  return {
    name: 'sharedTier',
    open(host): CoreHooks {
      const shared = new SharedTier(tier, settings, partsOfHost(host).context.shared)
      return {
        concerns,
        sourceTimeoutMs: timeoutMs,
        lookBack,
        readPast,
        get state() {
          return shared.state
        },
        source: <T>(space: CoherentStore<T>, keys: readonly string[], context: SourceContext<T>) =>
          shared.take(space, keys, context as CoreSourceContext<T>),
        afterHold: <T>(space: CoherentStore<T>, held: Held<T>) => shared.put(space, held),
        afterEvict: <T>(space: CoherentStore<T>, evicted: Evicted) => shared.remove(space, evicted),
        close: () => shared.close(),
      }
    },
  }
}
