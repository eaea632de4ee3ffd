/**
 * The publisher: writes messages, and resolves only when every record is acknowledged with an offset.
 *
 * @module
 */
import { putMessage } from '../coherence/admission.ts'
import { decodeUtf8, encodeUtf8, pack } from '../wire/codec.ts'
import { withDeadline } from '../runtime/deadline.ts'
import { RecordAccumulator } from './record-accumulator.ts'
import type { Candidate } from '../coherence/candidate.ts'
import type { CacheContext } from '../coherence/cache-context.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import type { NewRecord, Position } from '../ports/kafka-log.ts'
import { domainRecordKey, updateRecordKey } from '../wire/record-key.ts'
import type { ClearMessage, IntentMessage, Message, PutsMessage } from '../wire/messages.ts'
import { partitionOf } from '../wire/partitioner.ts'
import { PublishDeadline } from './publish-deadline.ts'
import type { RequestScope } from '../coherence/request-scope.ts'
import type { WriteMessage } from '../wire/write-message.ts'
import { Semaphore } from '../runtime/semaphore.ts'
import { evictMessages, fitting } from './split-evictions.ts'
import type { EvictBody, EvictionsMessage } from './split-evictions.ts'
import { tokenOf } from '../wire/token.ts'
import { recordOf, valueRecord } from './update-records.ts'

/** Background writes (shared values, announcements) at once; beyond, they are left out. */
const MAX_BACKGROUND = 256
const BACKGROUND_LEASE_MS = 30_000
/** How long `pace` may keep back values. */
const MAX_PACE_MS = 5000

export type IntentBody = Omit<IntentMessage, 'v' | 'op' | 'ns'>

/** An eviction that is in the log. */
export interface Published {
  readonly message: EvictionsMessage
  readonly partition: number
  readonly offset: number
}

export class Publisher {
  readonly #shared: CacheContext
  /** This cache, in announcements. */
  readonly #self: string
  readonly #background: Semaphore
  readonly #groups: RecordAccumulator
  /** What calls that publish run within. What is published by no such call has a deadline of its own. */
  readonly deadline: PublishDeadline

  constructor(shared: CacheContext, self: string) {
    this.#shared = shared
    this.#self = self
    this.#groups = new RecordAccumulator(shared.settings)
    this.deadline = new PublishDeadline(shared.settings, shared.clock)
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
  ): Promise<Published[]> {
    const messages = evictMessages(namespace, bodies)
    return this.#publish(
      messages.map((message) => ({ message, partition })),
      encodeUtf8(namespace),
      signal,
    )
  }

  /** Announces a write to the source. */
  async intend(
    namespace: string,
    partition: number,
    body: IntentBody,
    signal?: AbortSignal,
  ): Promise<Published[]> {
    const message: IntentMessage = { v: 1, op: 'intent', ns: namespace, ...body }
    return this.#publish([{ message, partition }], encodeUtf8(namespace), signal)
  }

  /** Appends a write to the topic of writes. */
  async appendWrite(message: WriteMessage, signal?: AbortSignal): Promise<Position> {
    const { settings } = this.#shared
    const key = updateRecordKey(message.ns, message.key)
    const recordKey = encodeUtf8(key)
    const partition = partitionOf(recordKey, settings.writePartitions)
    const record = pack(message, settings).then((value) => [{ key: recordKey, value, partition }])
    const [position] = await this.#send(settings.writesTopic, record, [key], signal)
    return position!
  }

  /** Publishes the eviction of a namespace, or of everything, to the partitions. */
  async clear(
    namespace: string | undefined,
    partitions: readonly number[],
    signal?: AbortSignal,
  ): Promise<Published[]> {
    const message: ClearMessage = { v: 1, op: 'clear', ...(namespace === undefined ? {} : { ns: namespace }) }
    const key = namespace === undefined ? null : encodeUtf8(namespace)
    return this.#publish(
      partitions.map((partition) => ({ message, partition })),
      key,
      signal,
    )
  }

  /** Publishes a value to the updates topic. */
  async update<T>(
    space: CoherentStore<T>,
    key: string,
    value: Candidate<T>,
    signal?: AbortSignal,
  ): Promise<readonly Position[]> {
    const record = valueRecord(this.#shared, space, key, value)
    return this.#sendUpdates(
      record.then((made) => [made]),
      [updateRecordKey(space.name, key)],
      signal,
    )
  }

  /**
   * Appends records to the updates topic.
   * @throws KedgeError `ERR_PUBLISH` when one is not acknowledged.
   */
  async append(records: readonly NewRecord[], signal?: AbortSignal): Promise<Position[]> {
    const ordered = records.flatMap(({ key }) => (key && decodeUtf8(key)) ?? [])
    return this.#sendUpdates(Promise.resolve(records), ordered, signal)
  }

  /** Publishes the values of a domain in one record: all of them, or none. */
  async updateDomain(message: PutsMessage, signal?: AbortSignal): Promise<readonly Position[]> {
    const key = domainRecordKey(message.ns, message.domain)
    const record = recordOf(key, message, this.#shared.settings)
    return this.#sendUpdates(
      record.then((made) => [made]),
      [key],
      signal,
    )
  }

  /**
   * Whether the value could be published.
   * @throws KedgeError `ERR_CODEC` or `ERR_TOO_LARGE` when it could not.
   */
  async checkUpdate<T>(space: CoherentStore<T>, key: string, value: Candidate<T>): Promise<void> {
    await this.check(putMessage(this.#shared, space, key, value))
  }

  /** @throws KedgeError `ERR_CODEC` or `ERR_TOO_LARGE` when the message could not be published. */
  async check(message: Message): Promise<void> {
    await pack(message, this.#shared.settings)
  }

  /** Publishes a loaded value in the background; left out when too many are under way. */
  share<T>(space: CoherentStore<T>, key: string, value: Candidate<T>, scope: RequestScope): void {
    if (value.ttlMs > 0) this.#inBackground(scope, () => this.update(space, key, value))
  }

  /**
   * Publishes that the keys have no value any more. Never rejects but by the signal: the evictions are in the log, and
   * this only spares other isolates a value that they would refuse.
   */
  async unshare(
    namespace: string,
    keys: readonly string[],
    asOf: number,
    signal?: AbortSignal,
  ): Promise<void> {
    const { settings } = this.#shared
    const ordered = keys.map((key) => updateRecordKey(namespace, key))
    const records = Promise.all(
      keys.map((key, at) => recordOf(ordered[at]!, { v: 1, op: 'del', ns: namespace, key, asOf }, settings)),
    )
    await this.#send(settings.updatesTopic, records, ordered, signal).catch(() =>
      this.deadline.throwIfLeft(signal),
    )
  }

  /** Announces, in the background, that a value's TTL has ended here. */
  announceExpiry(namespace: string, partition: number, key: string, scope: RequestScope): void {
    const body: EvictBody = { keys: [key], why: 'ttl', from: this.#self }
    this.#inBackground(scope, () => this.evict(namespace, partition, [body]))
  }

  #inBackground(scope: RequestScope, work: () => Promise<unknown>): void {
    const free = this.#background.tryTake(BACKGROUND_LEASE_MS)
    if (free) scope.waitUntil(work().finally(free))
  }

  async #publish(
    writes: readonly { message: EvictionsMessage; partition: number }[],
    key: Uint8Array | null,
    signal: AbortSignal | undefined,
  ): Promise<Published[]> {
    const { settings } = this.#shared
    const fits = Promise.all(writes.map((write) => fitting(write, settings))).then((each) => each.flat())
    const records = fits.then((each) => each.map(({ value, partition }) => ({ key, value, partition })))
    const positions = await this.#send(settings.evictionsTopic, records, [], signal)
    const packed = await fits
    return positions.map(({ offset }, at) => ({ ...packed[at]!, offset }))
  }

  #sendUpdates(
    records: Promise<readonly NewRecord[]>,
    ordered: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<Position[]> {
    const { pace, runtime, updatesTopic } = this.#shared.settings
    // Wait inside the promise of the records, which is queued: so writes of one key keep their order.
    const paced = async (made: readonly NewRecord[]) => {
      if (pace) await withDeadline(runtime, MAX_PACE_MS, () => undefined, pace, signal).catch(() => undefined)
      return made
    }
    return this.#send(updatesTopic, pace ? records.then(paced) : records, ordered, signal)
  }

  async #send(
    topic: string,
    records: Promise<readonly NewRecord[]>,
    ordered: readonly string[],
    signal?: AbortSignal,
  ): Promise<Position[]> {
    const positions = await this.deadline.within(signal, (until) =>
      this.#groups.send(topic, records, ordered, until),
    )
    this.#shared.settings.emit?.({ type: 'publish', topic, token: tokenOf(positions) })
    return positions
  }
}
