/**
 * Judges values that have been read from the updates topic, and holds those that may be held.
 *
 * @module
 */
import { candidateOf } from '../coherence/admission.ts'
import { applyRecord } from '../coherence/apply-eviction.ts'
import type { DecodedRecord } from '../coherence/apply-eviction.ts'
import type { RefuseReason } from '../api/reasons.ts'
import type { CacheContext } from '../coherence/cache-context.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import type { CacheParts } from '../write/cache-parts.ts'
import type { LogRecord } from '../ports/kafka-log.ts'
import { readGroup } from '../wire/batch-message.ts'
import { readUpdate } from '../wire/read-update.ts'
import type { Arrived, ArrivedDrop, ArrivedValue } from '../wire/read-update.ts'
import { splitRecordKey } from '../wire/record-key.ts'

/** What reading and judging the values of others takes of a cache. */
export interface UpdatesParts extends Pick<CacheParts, 'stores' | 'takesPart'> {
  readonly context: { readonly shared: CacheContext }
}

export class UpdatesApplier {
  readonly #parts: UpdatesParts
  readonly #shared: CacheContext
  readonly #stores: ReadonlyMap<string, CoherentStore<unknown>>
  readonly #simple: (namespace: string) => boolean

  /** @param simple the namespaces that accept values without an as-of */
  constructor(parts: UpdatesParts, simple: (namespace: string) => boolean = () => false) {
    this.#parts = parts
    this.#shared = parts.context.shared
    this.#stores = parts.stores
    this.#simple = simple
  }

  /** Judges the values, one after the other, and holds what may be held. How many that were. */
  async apply(records: readonly LogRecord[]): Promise<number> {
    let held = 0
    for (const record of records)
      held += await applyRecord(record, this.#shared.settings, (decoded) => this.#take(decoded))
    this.#shared.counters.updatesApplied += held
    return held
  }

  /** How many values of the record are held now. */
  #take(decoded: DecodedRecord): number {
    try {
      return this.#arriveGroup(decoded) ?? (this.#arrive(decoded) ? 1 : 0)
    } catch (error) {
      // A namespace's own functions (`tags`, `schema`, `sizeOf`) may stumble over a stranger's value.
      this.#refuse({ ...decoded, error })
      return 0
    }
  }

  /** How many values of a domain's record are held now; `undefined` for any other record. */
  #arriveGroup(decoded: DecodedRecord): number | undefined {
    const group = decoded.error === undefined ? readGroup(decoded.message, keyOf(decoded)) : undefined
    return group?.filter((arrived) => {
      const space = this.#stores.get(arrived.namespace)
      try {
        return space !== undefined && this.#hold(space, arrived, decoded.record.timestamp)
      } catch {
        // A function of the namespace throws for this value: the others may be good.
        space?.dropBefore(arrived.key, arrived.asOf ?? Infinity)
        this.#shared.counters.refused++
        return false
      }
    }).length
  }

  /** Whether the record's value is held now. */
  #arrive(decoded: DecodedRecord): boolean {
    const arrived = this.#understand(decoded)
    if (
      decoded.error !== undefined ||
      arrived === undefined ||
      ('unreadable' in arrived && arrived.unreadable)
    ) {
      return this.#refuse(decoded)
    }
    if (arrived.kind === 'drop') {
      this.#drop(arrived)
      return false
    }
    const space = this.#stores.get(arrived.namespace)
    return space !== undefined && this.#hold(space, arrived, decoded.record.timestamp)
  }

  #understand(decoded: DecodedRecord): Arrived | undefined {
    return readUpdate(
      decoded.message,
      keyOf(decoded),
      (name) => this.#stores.has(name),
      () => Infinity,
    )
  }

  #drop({ namespace, key, asOf }: Pick<ArrivedDrop, 'namespace' | 'key' | 'asOf'>): void {
    for (const space of this.#stores.values()) {
      if (!this.#parts.takesPart('replicate', space.name)) continue
      if (namespace === undefined || namespace === space.name) space.dropBefore(key, asOf ?? Infinity)
    }
  }

  /** Counts a record that cannot be used, and drops the key that it concerns. Never holds anything: `false`. */
  #refuse(decoded: DecodedRecord): false {
    const { settings, counters } = this.#shared
    const { partition, offset } = decoded.record
    const arrived = this.#understand(decoded)
    if (arrived) this.#drop({ namespace: arrived.namespace, key: arrived.key, asOf: undefined })
    // Its key may name another entry, of which this record is the last one that compaction keeps.
    const named = splitRecordKey(decoded.recordKey, (name) => this.#stores.has(name))
    if (named) this.#drop({ ...named, asOf: undefined })
    counters.refused++
    settings.emit?.({
      type: 'unreadable',
      topic: settings.updatesTopic,
      partition,
      offset,
      error: decoded.error,
    })
    return false
  }

  #hold(space: CoherentStore<unknown>, arrived: ArrivedValue, timestamp: number | undefined): boolean {
    if (!this.#parts.takesPart('replicate', space.name)) return false
    const { settings, counters } = this.#shared
    const refuse = (reason: RefuseReason): boolean => {
      counters.refused++
      settings.emit?.({ type: 'refuse', namespace: space.name, key: arrived.key, reason })
      return false
    }
    if (arrived.asOf === undefined && !this.#simple(space.name)) {
      // A writer has written a new value: what is held is older, whether or not the new one may be held.
      space.drop(arrived.key, 'replaced')
      return refuse('horizon')
    }
    const candidate = candidateOf(this.#shared, space, arrived, { writtenAt: timestamp })
    if (typeof candidate === 'string') return refuse(candidate)
    const held = space.hold(arrived.key, candidate) === undefined
    if (!held) counters.refused++
    return held
  }
}

/** The record's key as text, of a record that has one. One that is no text is the key of no entry: `''`. */
const keyOf = ({ record: { key }, recordKey }: DecodedRecord): string | undefined =>
  key === null || key.length === 0 ? undefined : (recordKey ?? '')
