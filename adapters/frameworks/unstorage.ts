/**
 * A driver for unstorage, and so for Nitro's and Nuxt's caches, made of a namespace.
 *
 * @module
 */
import type { Options } from '../../src/api/option-check.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import type { Duration } from '../../src/runtime/duration.ts'
import type { Namespace } from '../../src/api/namespace-types.ts'
import { DeferredFills } from './deferred-fill.ts'
import { check, longerThanNothing } from '../options.ts'
import { duration, oneOf } from '../option-tests.ts'

export interface UnstorageDriverOptions {
  /**
   * What `setItem` means. `'write'`: the value is new; the driver evicts the key everywhere. `'fill'`: the
   * value was loaded because `getItem` had missed, as Nitro's `cachedFunction` does; the driver evicts
   * nothing, and does not hold the value if an eviction came since that `getItem`. In Nitro give `swr: false`
   * with it: with its own `swr`, Nitro does not pass the `ttl`, and the driver does not hold what Nitro loads
   * while it serves an old value, until `maxTtl` ends.
   * @default 'write'
   */
  readonly set?: 'write' | 'fill'
  /** A value lives no longer, whatever its `ttl` says. @default '1h' */
  readonly maxTtl?: Duration
  /**
   * With `set: 'fill'`: the longest that a load takes, from `getItem` to `setItem`. Where `getItem` found nothing more than
   * once at the same time, and an eviction came, what is set is not held for that long. A load that takes longer may be
   * held though it was evicted. @default '1m'
   */
  readonly maxLoad?: Duration
}

/** What unstorage gives with a call; `ttl` in seconds. */
export interface UnstorageCall {
  readonly ttl?: number
}

/** The `Driver` of unstorage 1. */
export interface UnstorageDriver {
  readonly name: string
  readonly flags: { readonly ttl: true }
  hasItem(key: string): Promise<boolean>
  getItem(key: string): Promise<string | null>
  setItem(key: string, value: string, call?: UnstorageCall): Promise<void>
  removeItem(key: string): Promise<void>
  /** Always empty: an isolate does not know what others hold. */
  getKeys(): Promise<string[]>
  /** Evicts everything, or what lies below the base: `a` and `a:` mean `a:b`, and not `ab`. */
  clear(base?: string): Promise<void>
}

/** A value and its own lifetime: unstorage passes it with the value, which may come long after its read. */
export interface UnstorageItem {
  readonly text: string
  readonly ttlMs: number
}

const shape: Options = {
  set: oneOf(['write', 'fill'], "must be 'write' or 'fill'"),
  maxTtl: duration,
  maxLoad: duration,
}

/**
 * `removeItem` and `clear` evict everywhere; `clear(base)` what lies below it.
 *
 * @throws TypeError quoting the option that is wrong.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { unstorageDriver, type UnstorageItem } from 'kedge/adapters/unstorage'
 * import { memory } from 'kedge/testing'
 * import { createStorage } from 'unstorage'
 *
 * const pages = createCache({ kafka: memory() }).namespace<UnstorageItem>('pages')
 * const storage = createStorage({ driver: unstorageDriver(pages, { set: 'fill' }) })
 * ```
 */
export function unstorageDriver(
  namespace: Namespace<UnstorageItem>,
  options: UnstorageDriverOptions = {},
): UnstorageDriver {
  check(shape, options, 'unstorageDriver')
  const maxTtlMs = longerThanNothing(options.maxTtl ?? '1h', 'maxTtl')
  const maxLoadMs = longerThanNothing(options.maxLoad ?? '1m', 'maxLoad')
  const fills =
    options.set === 'fill' ? new DeferredFills(namespace, systemRuntime(), { maxLoadMs }) : undefined
  const held = (key: string): Promise<UnstorageItem | undefined> =>
    fills ? fills.read(key, { ttl: ({ ttlMs }) => ttlMs }) : namespace.get(key)
  return {
    name: 'kedge',
    flags: { ttl: true },
    hasItem: async (key) => (await (fills ?? namespace).get(key)) !== undefined,
    getItem: async (key) => (await held(key))?.text ?? null,
    async setItem(key, text, { ttl } = {}) {
      // 0 and less, and what is no number, say nothing: unstorage's own drivers take them so.
      const ttlMs = ttl !== undefined && ttl > 0 ? Math.min(ttl * 1000, maxTtlMs) : maxTtlMs
      if (fills) await fills.bring(key, { text, ttlMs })
      else await namespace.set(key, { text, ttlMs }, { ttl: ttlMs })
    },
    removeItem: async (key) => void (await namespace.delete(key)),
    getKeys: async () => [],
    async clear(base = '') {
      const prefix = baseOf(base)
      await (prefix === '' ? namespace.clear() : namespace.invalidatePrefix(prefix))
    },
  }
}

/** What keys below a base begin with, as unstorage writes it: `a:b:` for `a/b`; empty for that of everything. */
function baseOf(base: string): string {
  // As unstorage itself: what follows a question mark belongs to no key.
  const parts = base
    .split('?')[0]!
    .split(/[/\\:]+/)
    .filter((part) => part !== '')
  return parts.length === 0 ? '' : `${parts.join(':')}:`
}
