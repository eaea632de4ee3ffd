/**
 * The parts of a namespace, put together, and how features get at them.
 *
 * @module
 */
import type { Namespace } from '../api/namespace-types.ts'
import type { RequestContext, ScopeOptions } from '../api/read-types.ts'
import type { NamespaceSettings } from '../api/settings.ts'
import { CoherentStore } from '../coherence/coherent-store.ts'
import type { RequestScope } from '../coherence/request-scope.ts'
import { NamespaceFeatures } from '../read/namespace-features.ts'
import { ManyReader } from '../read/read-many.ts'
import { Reader } from '../read/reader.ts'
import { SingleFlight } from '../read/single-flight.ts'
import { encodeUtf8 } from '../wire/codec.ts'
import { partitionOf } from '../wire/partitioner.ts'
import { Writer } from './writer.ts'
import type { WriterContext } from './writer.ts'

/** What a namespace consists of, whatever the scope it is used in. */
export interface NamespaceParts<T> {
  readonly context: WriterContext
  readonly space: CoherentStore<T>
  readonly flights: SingleFlight<T>
  readonly features: NamespaceFeatures
  readonly reader: Reader<T>
  readonly manyReader: ManyReader<T>
  readonly writer: Writer<T>
  /** A scope of its own for a request. */
  readonly open: (context: RequestContext, options?: ScopeOptions) => RequestScope
}

/** A namespace in a scope. */
export interface ScopedParts<T> {
  readonly parts: NamespaceParts<T>
  readonly scope: RequestScope
}

/**
 * The parts of a namespace of `createCache`.
 * @throws TypeError where it is none
 */
export function partsOf<T>(namespace: Namespace<T>): ScopedParts<T> {
  const parts = (namespace as { readonly internals?: ScopedParts<T> } | undefined)?.internals
  if (parts?.parts === undefined)
    throw new TypeError('`namespace` must be one of a cache that createCache() has made')
  return parts
}

/** The parts of a namespace of this cache. */
export function namespaceParts<T>(
  name: string,
  settings: NamespaceSettings,
  context: WriterContext,
  open: NamespaceParts<T>['open'],
): NamespaceParts<T> {
  const { shared, follower, failed } = context
  // A namespace lives whole in one partition, named in the produce call: every proxy hashes differently.
  const partition = partitionOf(encodeUtf8(name), shared.settings.evictionPartitions)
  const { runtime } = shared.settings
  const features = new NamespaceFeatures(context.features, name, settings.without, { runtime, failed })
  const space = new CoherentStore<T>(name, settings, follower.partition(partition), shared, features)
  const flights = new SingleFlight(space, context, features)
  const reader = new Reader(space, flights, features, context)
  return {
    context,
    space,
    flights,
    features,
    reader,
    manyReader: new ManyReader(shared, reader),
    writer: new Writer(space, features, context),
    open,
  }
}
