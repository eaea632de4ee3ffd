/**
 * Writes values to the updates topic, and that keys have none.
 *
 * @module
 */
import type { FeatureScope } from '../api/feature.ts'
import { putMessage } from '../coherence/admission.ts'
import type { CacheContext } from '../coherence/cache-context.ts'
import type { Candidate } from '../coherence/candidate.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import type { NewRecord, Position } from '../ports/kafka-log.ts'
import { withDeadline } from '../runtime/deadline.ts'
import { decodeUtf8, pack } from '../wire/codec.ts'
import type { Message, PutsMessage } from '../wire/messages.ts'
import { domainRecordKey, updateRecordKey } from '../wire/record-key.ts'
import type { Publisher } from '../write/publisher.ts'
import { recordOf, valueRecord } from './update-records.ts'

/** How long `pace` may keep back values. */
const MAX_PACE_MS = 5000

/** Awaited before values are written. */
export type Pace = (signal: AbortSignal) => Promise<void>

export class UpdatesPublisher {
  readonly #shared: CacheContext
  readonly #publisher: Publisher
  readonly #pace: Pace | undefined

  constructor(shared: CacheContext, publisher: Publisher, pace?: Pace) {
    this.#shared = shared
    this.#publisher = publisher
    this.#pace = pace
  }

  /**
   * Publishes a value.
   * @throws KedgeError `ERR_PUBLISH` when it is not acknowledged.
   */
  async update<T>(
    space: CoherentStore<T>,
    key: string,
    value: Candidate<T>,
    scope: FeatureScope,
    signal?: AbortSignal,
  ): Promise<readonly Position[]> {
    const record = async () => [await valueRecord(this.#shared, space, key, value)]
    return this.#send(record, [updateRecordKey(space.name, key)], signal, scope)
  }

  /** Publishes the values of a domain in one record: all of them, or none. */
  async updateDomain(
    message: PutsMessage,
    scope: FeatureScope,
    signal?: AbortSignal,
  ): Promise<readonly Position[]> {
    const key = domainRecordKey(message.ns, message.domain)
    const record = async () => [await recordOf(key, message, this.#shared.settings)]
    return this.#send(record, [key], signal, scope)
  }

  /**
   * Appends records.
   * @throws KedgeError `ERR_PUBLISH` when one is not acknowledged.
   */
  async append(records: readonly NewRecord[], signal?: AbortSignal): Promise<Position[]> {
    const ordered = records.flatMap(({ key }) => (key && decodeUtf8(key)) ?? [])
    return this.#send(async () => records, ordered, signal)
  }

  /** @throws KedgeError `ERR_CODEC` or `ERR_TOO_LARGE` when the value could not be published. */
  async checkUpdate<T>(space: CoherentStore<T>, key: string, value: Candidate<T>): Promise<void> {
    await this.check(putMessage(this.#shared, space, key, value))
  }

  /** @throws KedgeError `ERR_CODEC` or `ERR_TOO_LARGE` when the message could not be published. */
  async check(message: Message): Promise<void> {
    await pack(message, this.#shared.settings)
  }

  /**
   * Publishes that the keys have no value any more. Never rejects but by the signal: the evictions are in the log, and
   * this only spares other isolates a value that they would refuse.
   */
  async unshare(
    namespace: string,
    keys: readonly string[],
    asOf: number,
    scope: FeatureScope,
    signal?: AbortSignal,
  ): Promise<void> {
    const { settings } = this.#shared
    const ordered = keys.map((key) => updateRecordKey(namespace, key))
    const records = () =>
      Promise.all(
        keys.map((key, at) =>
          recordOf(ordered[at]!, { v: 1, op: 'del', ns: namespace, key, asOf }, settings),
        ),
      )
    const { deadline } = this.#publisher
    await this.#publisher
      .send(settings.updatesTopic, records, ordered, signal, scope)
      .catch(() => deadline.throwIfLeft(signal))
  }

  #send(
    make: () => Promise<readonly NewRecord[]>,
    ordered: readonly string[],
    signal: AbortSignal | undefined,
    scope?: FeatureScope,
  ): Promise<Position[]> {
    const { runtime, updatesTopic } = this.#shared.settings
    const pace = this.#pace
    // Wait inside the promise of the records, which is queued: so writes of one key keep their order.
    const paced = async (made: readonly NewRecord[]) => {
      if (pace) await withDeadline(runtime, MAX_PACE_MS, () => undefined, pace, signal).catch(() => undefined)
      return made
    }
    const records = pace ? () => make().then(paced) : make
    return this.#publisher.send(updatesTopic, records, ordered, signal, scope)
  }
}
