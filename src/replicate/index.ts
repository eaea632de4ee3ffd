/**
 * `kedge/replicate`: values that isolates give each other through the updates topic.
 *
 * @module
 */
import type { Evicted, Feature, Held, HeldValue } from '../api/feature.ts'
import { must } from '../api/must.ts'
import { namespaceFilter, namespaces, truthOrNamespaces } from '../api/namespace-filter.ts'
import type { NamespaceFilter } from '../api/namespace-filter.ts'
import { checkFeatureOptions } from '../api/option-check.ts'
import { callback, truth } from '../api/option-tests.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import type { CoreHooks } from '../read/core-hooks.ts'
import { partsOfHost } from '../write/cache-parts.ts'
import { AwaitedUpdates } from './awaited-updates.ts'
import { Sharing } from './sharing.ts'
import { UpdatesConsumer } from './updates-consumer.ts'
import { UpdatesPublisher } from './updates-publisher.ts'
import type { Pace } from './updates-publisher.ts'

export { prewarm } from './prewarm.ts'
export type { PrewarmOptions, PrewarmResult } from './prewarm.ts'
export { prewarmFrom } from './prewarm-from.ts'
export type { PrewarmFromOptions, PrewarmFromResult } from './prewarm-from.ts'
export type { NamespaceFilter } from '../api/namespace-filter.ts'

/** The options of `replicate()`. */
export interface ReplicateOptions {
  /** Whether the cache reads the updates topic with each poll, and holds the values that it finds. @default true */
  readonly follow?: boolean
  /** Publish values that are loaded, set or committed: in all namespaces, in none, or in these. @default true */
  readonly share?: boolean | NamespaceFilter
  /**
   * The namespaces that accept the values of simple messages `{ key, value, ttl }` from the updates topic. They carry no
   * as-of: a value that was read before an eviction and written after it will be served until its TTL ends.
   * @default none
   */
  readonly acceptSimpleValues?: NamespaceFilter
  /**
   * Awaited before values are written to the updates topic (evictions never wait for it), for at most five seconds; what
   * it throws is ignored. `lagPace()` of `kedge/sync` waits when a store that follows the topic is behind.
   */
  readonly pace?: Pace
}

const NOT_COMMITTED =
  "`replicate()` needs a log that reads committed records; where no writer writes values in transactions, set `updatesIsolation: 'uncommitted'`"

/**
 * Values through the updates topic, as a feature of a cache: what one isolate loads or sets, the others hold, too.
 *
 * @throws TypeError quoting the option that is wrong. `createCache` throws one where the log cannot read committed records.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { replicate } from 'kedge/replicate'
 * import { memory } from 'kedge/testing'
 *
 * createCache({ kafka: memory(), use: [replicate({ share: ['users'] })] })
 * ```
 */
export function replicate(options: ReplicateOptions = {}): Feature {
  const known = { follow: truth, share: truthOrNamespaces, acceptSimpleValues: namespaces, pace: callback }
  checkFeatureOptions(known, options, 'replicate')
  const { follow = true, share = true, acceptSimpleValues = [], pace } = options
  const shares = typeof share === 'boolean' ? () => share : namespaceFilter(share)
  return {
    name: 'replicate',
    open(host): CoreHooks {
      const parts = partsOfHost(host)
      const { context } = parts
      const { settings } = context.shared
      const canFollow = settings.updatesIsolation === 'uncommitted' || settings.log.capabilities.readCommitted
      must(!follow || canFollow, NOT_COMMITTED)
      const updates = new UpdatesPublisher(context.shared, context.publisher, pace)
      const sharing = new Sharing(context, updates, shares)
      const consumer = new UpdatesConsumer(parts, namespaceFilter(acceptSimpleValues))
      return {
        ...(follow && {
          updates: new AwaitedUpdates(consumer, context),
          beforeProof: (signal, maxAgeMs) => consumer.fetch(signal, maxAgeMs),
        }),
        beforeSet: <T>(
          space: CoherentStore<T>,
          values: ReadonlyMap<string, HeldValue<T>>,
          domain: string | undefined,
        ) => sharing.beforeSet(space, values, domain),
        afterHold: <T>(space: CoherentStore<T>, held: Held<T>) => sharing.afterHold(space, held),
        afterEvict: <T>(space: CoherentStore<T>, evicted: Evicted) => sharing.afterEvict(space, evicted),
      }
    },
  }
}
