/**
 * The parts of a namespace, put together.
 *
 * @module
 */
import type { RequestContext, ScopeOptions } from './api/read-types.ts'
import type { NamespaceSettings } from './api/settings.ts'
import { CoherentStore } from './coherence/coherent-store.ts'
import type { RequestScope } from './coherence/request-scope.ts'
import type { RequestReply } from './loader-client/request-reply.ts'
import { ManyReader } from './read/read-many.ts'
import { Reader } from './read/reader.ts'
import { SingleFlight } from './read/single-flight.ts'
import { encodeUtf8 } from './wire/codec.ts'
import { partitionOf } from './wire/partitioner.ts'
import { PendingWrites } from './write-paths/pending-writes.ts'
import { WriteBehind } from './write-paths/write-behind.ts'
import { WriteThrough } from './write-paths/write-through.ts'
import type { PublishDeadline } from './write/publish-deadline.ts'
import { SetManyWriter } from './write/set-many.ts'
import { Writer } from './write/writer.ts'
import type { WriterContext } from './write/writer.ts'

/** What a namespace consists of, whatever the scope it is used in. */
export interface NamespaceParts<T> {
  readonly space: CoherentStore<T>
  readonly flights: SingleFlight<T>
  readonly reader: Reader<T>
  readonly manyReader: ManyReader<T>
  readonly writer: Writer<T>
  readonly through: WriteThrough<T>
  readonly behind: WriteBehind<T>
  readonly many: SetManyWriter<T>
  readonly deadline: PublishDeadline
  /** A scope of its own for a request. */
  readonly open: (context: RequestContext, options?: ScopeOptions) => RequestScope
}

/** The parts of a namespace of this cache. */
export function namespaceParts<T>(
  name: string,
  settings: NamespaceSettings,
  context: WriterContext,
  requests: RequestReply,
  open: NamespaceParts<T>['open'],
): NamespaceParts<T> {
  const { shared, follower, publisher, lifecycle } = context
  // A namespace lives whole in one partition, named in the produce call: every proxy hashes differently.
  const partition = partitionOf(encodeUtf8(name), shared.settings.evictionPartitions)
  const space = new CoherentStore<T>(name, settings, follower.partition(partition), shared)
  const share = settings.share ? publisher : undefined
  const tier = settings.tier ? context.tier : undefined
  const flights = new SingleFlight(
    space,
    { shared, lifecycle, tier },
    (share || tier) &&
      ((held, scope) => {
        if (share) for (const [key, value] of held) share.share(space, key, value, scope)
        tier?.put(space, held, scope)
      }),
    (flown, demand, signal) => requests.seek(space, flown, demand, signal),
  )
  const writer = new Writer(space, flights, context)
  const reader = new Reader(space, flights, new PendingWrites(space, shared), context)
  return {
    space,
    flights,
    reader,
    manyReader: new ManyReader(space, shared, reader),
    writer,
    many: new SetManyWriter(space, writer, context),
    behind: new WriteBehind(space, writer, context),
    through: new WriteThrough(space, writer, context),
    deadline: publisher.deadline,
    open,
  }
}
