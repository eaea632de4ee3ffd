/**
 * Write intents as a feature of a cache: readers honour the writes that writers announce, and read those that wait to
 * be persisted from the log.
 *
 * @module
 */
import type { Call, Feature } from '../api/feature.ts'
import { must } from '../api/must.ts'
import { namespaceFilter, namespaces } from '../api/namespace-filter.ts'
import type { NamespaceFilter } from '../api/namespace-filter.ts'
import { checkFeatureOptions } from '../api/option-check.ts'
import { countOrNone, durationOrCallback } from '../api/option-tests.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import { readPast } from '../coherence/look-back.ts'
import type { CoreHooks } from '../read/core-hooks.ts'
import { durationMs } from '../runtime/duration.ts'
import type { Duration } from '../runtime/duration.ts'
import { MAX_INTENT_MS } from '../wire/messages.ts'
import { partsOfHost } from '../write/cache-parts.ts'
import { PendingWrites } from './pending-writes.ts'

/** The options of `writeIntents()`. */
export interface WriteIntentsOptions {
  /**
   * The longest that a write may take that a writer announces (`writeThrough`, `writeBehind`), at most 10 minutes; or a
   * function of the namespace. After it has started, an isolate holds nothing for this long, unless it has read back so
   * far in the log.
   * @default '60s'
   */
  readonly max?: Duration | ((namespace: string) => Duration)
  /** How many evictions before the end of the log are read again when the cache begins there. 0 for none. @default 1000 */
  readonly lookBack?: number
  /** The namespaces whose writers announce their writes. @default all */
  readonly namespaces?: NamespaceFilter
}

/**
 * Write intents, as a feature of a cache: isolates hold nothing that was loaded beside a write that a writer has
 * announced, and whose outcome is not in the log yet. Needed in every cache that reads or writes such a namespace.
 *
 * @throws TypeError quoting the option that is wrong.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { memory } from 'kedge/testing'
 * import { writeIntents } from 'kedge/write-paths'
 *
 * createCache({ kafka: memory(), use: [writeIntents({ max: '60s', namespaces: ['accounts'] })] })
 * ```
 */
export function writeIntents(options: WriteIntentsOptions = {}): Feature {
  checkFeatureOptions({ max: durationOrCallback, lookBack: countOrNone, namespaces }, options, 'writeIntents')
  const { max = '60s', lookBack = 1000 } = options
  if (typeof max !== 'function') intentsMsOf(max)
  return {
    name: 'writeIntents',
    open(host): CoreHooks {
      const { shared } = partsOfHost(host).context
      return {
        concerns: namespaceFilter(options.namespaces),
        intentsMs: (namespace) => intentsMsOf(typeof max === 'function' ? max(namespace) : max),
        lookBack,
        readPast,
        aroundLoad: <T>(space: CoherentStore<T>, keys: readonly string[], call: Call<T> | undefined) => {
          const pending = new PendingWrites(space, shared)
          return call ? pending.before(call) : pending.alone(keys)
        },
      }
    },
  }
}

/** @throws TypeError quoting `max` */
function intentsMsOf(max: Duration): number {
  const ms = durationMs(max, 'max')
  must(ms > 0 && ms <= MAX_INTENT_MS, `\`max\` must be longer than 0 and at most ${MAX_INTENT_MS} ms`)
  return ms
}
