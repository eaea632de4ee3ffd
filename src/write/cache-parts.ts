/**
 * The parts of a cache, and how features get at them.
 *
 * @module
 */
import type { Cache } from '../api/cache-types.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import type { RequestScope } from '../coherence/request-scope.ts'
import type { FeatureHost } from '../api/feature.ts'
import type { WriterContext } from './writer.ts'

/** What a cache consists of, and what it gives to the features of kedge. */
export interface CacheParts extends FeatureHost {
  readonly context: WriterContext
  /** The namespaces that have been declared, by name. */
  readonly stores: ReadonlyMap<string, CoherentStore<unknown>>
  /** Gives up the place of a namespace. Who still has it in hand reads past the cache. Declared anew, it begins empty. */
  forget(namespace: string): void
  /** Whether the feature takes part in a namespace that was declared. */
  takesPart(feature: string, namespace: string): boolean
  /** The scope of work that belongs to no request. */
  readonly root: RequestScope
}

/** The parts of the cache that opens a feature. */
export const partsOfHost = (host: FeatureHost): CacheParts => host as CacheParts

/** The parts of a cache, where it is one of `createCache`. */
export const partsIn = (cache: Cache): CacheParts | undefined =>
  (cache as { readonly internals?: CacheParts } | undefined)?.internals

/**
 * The parts of a cache of `createCache`.
 * @throws TypeError where it is none
 */
export function partsOfCache(cache: Cache): CacheParts {
  const parts = partsIn(cache)
  if (parts?.context === undefined) throw new TypeError('`cache` must be one that createCache() has made')
  return parts
}
