/**
 * The publisher: writes messages, and resolves only when every record is acknowledged with an offset.
 *
 * @module
 */
import { EVERYTHING } from './affected-keys.ts'
import { encodeUtf8 } from '../wire/codec.ts'
import { RecordAccumulator } from './record-accumulator.ts'
import type { CacheContext } from '../coherence/cache-context.ts'
import type { Position } from '../ports/kafka-log.ts'
import type { ClearMessage } from '../wire/messages.ts'
import { PublishDeadline } from './publish-deadline.ts'
import type { RequestScope } from '../coherence/request-scope.ts'
import type { FeatureScope } from '../api/feature.ts'
import type { MakeRecords } from '../api/sending.ts'
import { Semaphore } from '../runtime/semaphore.ts'
import { evictMessages, fitting } from './split-evictions.ts'
import type { EvictBody, EvictionsMessage } from './split-evictions.ts'
import { tokenOf } from '../wire/token.ts'
import { WriteOrder } from './write-order.ts'

/** Background writes (shared values, announcements) at once; beyond, they are left out. */
const MAX_BACKGROUND = 256
const BACKGROUND_LEASE_MS = 30_000

/** An eviction that is in the log. */
export interface Published {
  readonly message: EvictionsMessage
  readonly partition: number
  readonly offset: number
}

export class Publisher {
  readonly #shared: CacheContext
  /** This cache, in announcements. */
  readonly self: string
  readonly #background: Semaphore
  readonly #groups: RecordAccumulator
  /** What calls that publish run within. What is published by no such call has a deadline of its own. */
  readonly deadline: PublishDeadline
  /** In which a caller's writes reach the log. */
  readonly order: WriteOrder

  constructor(shared: CacheContext, self: string) {
    this.#shared = shared
    this.self = self
    this.#groups = new RecordAccumulator(shared.settings)
    this.deadline = new PublishDeadline(shared.settings, shared.clock)
    this.order = new WriteOrder(shared.settings.runtime.isolatesRequests)
    this.#background = new Semaphore(MAX_BACKGROUND, shared.settings.runtime, shared.clock)
  }

  /**
   * Publishes evictions of a namespace.
   * @throws KedgeError `ERR_PUBLISH` when one is not acknowledged: it may or may not be in the log.
   */
  async evict(
    namespace: string,
    partition: number,
    bodies: readonly EvictBody[],
    signal?: AbortSignal,
    scope?: FeatureScope,
  ): Promise<Published[]> {
    const messages = evictMessages(namespace, bodies)
    const writes = messages.map((message) => ({ message, partition }))
    return this.publish(namespace, writes, signal, scope)
  }

  /** Publishes the eviction of a namespace, or of everything, to the partitions. */
  async clear(
    namespace: string | undefined,
    partitions: readonly number[],
    signal?: AbortSignal,
    scope?: FeatureScope,
  ): Promise<Published[]> {
    const message: ClearMessage = { v: 1, op: 'clear', ...(namespace && { ns: namespace }) }
    const writes = partitions.map((partition) => ({ message, partition }))
    return this.publish(namespace, writes, signal, scope)
  }

  /** Publishes the eviction of everything, after what the caller set before. */
  async clearAll(
    scope: RequestScope,
    partitions: readonly number[],
    signal: AbortSignal | undefined,
  ): Promise<Published[]> {
    const clear = () => this.clear(undefined, partitions, signal, scope)
    return this.order.evict(scope, undefined, EVERYTHING, signal, clear)
  }

  /** Announces, in the background, that a value's TTL has ended here. */
  announceExpiry(namespace: string, partition: number, key: string, scope: RequestScope): void {
    const body: EvictBody = { keys: [key], why: 'ttl', from: this.self }
    this.inBackground(scope, () => this.evict(namespace, partition, [body], undefined, scope))
  }

  /** Does the work under the request's `waitUntil`; left out when too much is under way. */
  inBackground(scope: FeatureScope, work: () => Promise<unknown>): void {
    const free = this.#background.tryTake(BACKGROUND_LEASE_MS)
    if (free) scope.waitUntil(work().finally(free))
  }

  /**
   * Publishes messages to the evictions topic, under the name of their namespace.
   * @throws KedgeError `ERR_PUBLISH` when one is not acknowledged.
   */
  async publish(
    namespace: string | undefined,
    writes: readonly { message: EvictionsMessage; partition: number }[],
    signal: AbortSignal | undefined,
    scope?: FeatureScope,
  ): Promise<Published[]> {
    const { settings } = this.#shared
    const key = namespace === undefined ? null : encodeUtf8(namespace)
    let packed: readonly (Omit<Published, 'offset'> & { readonly value: Uint8Array })[] = []
    const records: MakeRecords = async (tp) => {
      const fits = writes.map(({ message, partition }) =>
        fitting({ message: { ...message, tp }, partition }, settings),
      )
      packed = (await Promise.all(fits)).flat()
      return packed.map(({ value, partition }) => ({ key, value, partition }))
    }
    const positions = await this.send(settings.evictionsTopic, records, [], signal, scope)
    return positions.map(({ offset }, at) => ({ ...packed[at]!, offset }))
  }

  /**
   * Appends records to a topic, with those of other calls.
   *
   * @param make called at once; `tp` is for messages of the evictions topic
   * @param ordered the keys of the records of which a later write must not overtake an earlier one
   * @throws KedgeError `ERR_PUBLISH` when one is not acknowledged.
   */
  async send(
    topic: string,
    make: MakeRecords,
    ordered: readonly string[],
    signal?: AbortSignal,
    scope?: FeatureScope,
  ): Promise<Position[]> {
    const { clock, settings } = this.#shared
    const since = clock.now()
    const trace = scope?.trace
    const sending = settings.sending?.(topic, trace, make)
    const records = sending?.records ?? make()
    const sent = this.deadline.within(signal, (until) => this.#groups.send(topic, records, ordered, until))
    sending?.until(sent)
    const positions = await sent
    const durationMs = clock.now() - since
    settings.emit?.({ type: 'publish', topic, token: tokenOf(positions), durationMs }, trace)
    return positions
  }
}
