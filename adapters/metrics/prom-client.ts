/**
 * The metrics of a cache in a registry of prom-client, for Prometheus.
 *
 * @module
 */
import { must, type Options } from '../../src/api/option-check.ts'
import { check } from '../options.ts'
import { count, filled, required, textLike } from '../option-tests.ts'
import type { Cache } from '../../src/api/cache-types.ts'
import { observe } from '../../src/api/events.ts'
import { partsOfCache } from '../../src/write/cache-parts.ts'
import type { Registry } from 'prom-client'
import { cacheCounters } from './shared/cache-counters.ts'
import { cacheTimers } from './shared/cache-timers.ts'
import { consumerLag } from './prom-client/consumer-lag.ts'
import { Meter } from './prom-client/meter.ts'
import type { PromClient } from './prom-client/meter.ts'

export type { PromClient } from './prom-client/meter.ts'

export interface MetricsOptions {
  /** The module: `import * as client from 'prom-client'`. */
  readonly client: PromClient
  /** @default `client.register` */
  readonly register?: Registry
  /** Before every name. A second cache with the same registry needs one of its own. @default 'kedge_cache_' */
  readonly prefix?: string
  /**
   * Adds `kafka_consumer_lag{topic,partition,consumer_group}` of the evictions topic, by this name of a consumer group. The
   * cache is in no group of Kafka.
   * @default without
   */
  readonly group?: string
  /** Namespaces that have series of their own: those that come after them are `other`. @default 100 */
  readonly maxNamespaces?: number
}

const isModule = (client: Partial<PromClient> | null): boolean =>
  [client?.Counter, client?.Gauge, client?.Histogram].every((each) => typeof each === 'function')

const OPTIONS: Options = {
  client: required(must(isModule, "must be the module: import * as client from 'prom-client'")),
  register: must(
    (register: Partial<Registry> | null) => typeof register?.registerMetric === 'function',
    'must be a Registry of prom-client',
  ),
  // What Prometheus allows in names.
  prefix: textLike(/^[a-zA-Z_][a-zA-Z0-9_]*$/, 'must be letters, digits and _, and begin with no digit'),
  group: filled(textLike(/^.{0,249}$/, 'must be at most 249 characters')),
  maxNamespaces: count(1, 1000, 'must be a whole number from 1 to 1000'),
}

/**
 * Registers the metrics of a cache. A hit calls nothing: counters are read when Prometheus asks. No label has a key.
 *
 * @throws TypeError for a cache that is none of `createCache`, and for options that are wrong; Error of prom-client where a
 * name is taken.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { metrics } from 'kedge/adapters/prom-client'
 * import { memory } from 'kedge/testing'
 * import * as client from 'prom-client'
 *
 * const cache = createCache({ kafka: memory() })
 * metrics(cache, { client })
 * console.log(await client.register.metrics())
 * ```
 */
export function metrics(cache: Cache, options: MetricsOptions): void {
  check(OPTIONS, options, 'metrics')
  const { client, group, prefix = 'kedge_cache_', maxNamespaces = 100 } = options
  const { register = client.register } = options
  const { follower, shared } = partsOfCache(cache).context
  const { settings } = shared
  const meter = new Meter({ client, register, prefix })
  cacheCounters(meter, cache)
  observe(settings, cacheTimers(meter, maxNamespaces, [settings.evictionsTopic]))
  if (group === undefined) return
  consumerLag(meter, { topic: settings.evictionsTopic, group }, () =>
    [...follower.partitions.values()]
      .filter(({ hasPosition }) => hasPosition)
      .map(({ id, position, tail }) => ({ partition: id, position, end: tail })),
  )
}
