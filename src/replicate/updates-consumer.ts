/**
 * Values from the updates topic: read in mode `'replicate'` and by `prewarm()`, held under the as-of rule.
 *
 * Values are read first, evictions after them, and only then are the values judged: each by every eviction that
 * was in the log when the value was read. What fails here costs misses, never freshness.
 *
 * @module
 */
import { candidateOf } from '../coherence/admission.ts'
import { decodeRecord } from '../coherence/apply-eviction.ts'
import type { DecodedRecord } from '../coherence/apply-eviction.ts'
import { withDeadline } from '../runtime/deadline.ts'
import { KedgeError } from '../ports/errors.ts'
import type { RefuseReason } from '../api/events.ts'
import type { CacheContext, CoherentStore } from '../coherence/coherent-store.ts'
import type { LogRecord, PartitionOffsets, Position } from '../ports/kafka-log.ts'
import { readGroup } from '../wire/batch-message.ts'
import { readUpdate } from '../wire/read-update.ts'
import type { Arrived, ArrivedDrop, ArrivedValue } from '../wire/read-update.ts'
import type { UpdatesRead } from '../read/sources.ts'
import type { TokenPositions } from '../wire/token.ts'

/** Reads of one round; what is left is read in the next. */
const MAX_READS = 16
/** Records of the first window that prewarming reads; each one after it is twice as large. */
const FIRST_WINDOW = 64

/** What reading found: not decoded yet, so that what is held meanwhile is no more than what was asked for. */
export interface Harvest {
  /** In the order in which they were written. */
  readonly records: readonly LogRecord[]
  readonly bytes: number
  readonly complete: boolean
}

/** What has been read so far, and where to go on. */
interface Found {
  readonly records: LogRecord[]
  readonly next: Map<number, number>
}

export class UpdatesConsumer implements UpdatesRead {
  readonly #shared: CacheContext
  readonly #spaces: ReadonlyMap<string, CoherentStore<unknown>>
  /** The next offset of each partition: everything below it has been applied. */
  readonly #positions = new Map<number, number>()
  /** Where each partition ended when it was looked at last. */
  readonly #ends = new Map<number, number>()

  constructor(shared: CacheContext, spaces: ReadonlyMap<string, CoherentStore<unknown>>) {
    this.#shared = shared
    this.#spaces = spaces
  }

  /** Whether values before these positions are in the topic, as far as is known, and not applied here yet. */
  lags(required: TokenPositions): boolean {
    for (const [partition, offset] of required) {
      if (partition >= this.#shared.settings.updatePartitions) continue
      // Of a token that goes beyond the end nothing more is to be waited for: it is of another log, or forged.
      const wanted = Math.min(offset, this.#ends.get(partition) ?? Infinity)
      if ((this.#positions.get(partition) ?? -1) < wanted) return true
    }
    return false
  }

  /** Whether all values before these positions have been applied here. */
  passed(required: TokenPositions): boolean {
    for (const [partition, offset] of required)
      if ((this.#positions.get(partition) ?? -1) < offset) return false
    return true
  }

  /**
   * Reads on from what was applied last; begins at the end. Resolves with what applies the values, to be called
   * after the next proof. Never rejects, except by the signal.
   */
  async fetch(signal: AbortSignal): Promise<() => Promise<void>> {
    const { runtime, pollTimeoutMs, emit } = this.#shared.settings
    const found: Found = { records: [], next: new Map() }
    try {
      // With a deadline of its own, so that a topic that hangs does not keep evictions from being proved.
      await withDeadline(runtime, pollTimeoutMs, silent, (inner) => this.#fetch(found, inner), signal)
    } catch (error) {
      signal.throwIfAborted()
      emit?.({ type: 'background_error', error })
    }
    // Kept even where the time was over before the end: else a long catch-up would start again each time. A
    // copy: records that come in later are read again.
    const records = [...found.records]
    const next = new Map(found.next)
    return async () => {
      const fresh = records.filter(
        ({ partition, offset }) => offset >= (this.#positions.get(partition) ?? Infinity),
      )
      // Moved at once, so that a poll that runs beside this one applies nothing twice, and nothing older after it.
      for (const [partition, offset] of next) {
        this.#positions.set(partition, Math.max(offset, this.#positions.get(partition) ?? 0))
      }
      await this.apply(fresh)
    }
  }

  async #fetch(found: Found, signal: AbortSignal): Promise<void> {
    const { settings } = this.#shared
    const bounds = await this.#bounds(signal)
    const from: Position[] = []
    for (const { partition, beginning, end } of bounds) {
      this.#ends.set(partition, end)
      const known = this.#positions.get(partition)
      if (known === undefined) this.#positions.set(partition, end)
      else if (known < beginning || known > end || end - known > settings.maxCatchUpRecords)
        this.#skip(partition, end)
      else if (known < end) from.push({ partition, offset: known })
    }
    await this.#read(from, boundsOf(bounds), settings.maxPollBytes * MAX_READS, signal, found)
  }

  /** Goes on at the end. What is passed over may have dropped anything, so everything is dropped. */
  #skip(partition: number, end: number): void {
    this.#positions.set(partition, end)
    for (const space of this.#spaces.values()) space.dropPossiblyEvicted(() => true)
  }

  /** Reads the newest part of the topic: from the end backwards, a window at a time. */
  async newest(maxRecords: number, maxBytes: number, signal: AbortSignal): Promise<Harvest> {
    const bounds = await this.#bounds(signal)
    const windows: LogRecord[][] = []
    let bytes = 0
    let count = 0
    let size = FIRST_WINDOW
    let open = bounds.map(({ partition, beginning, end }) => ({ partition, beginning, end }))
    for (;;) {
      open = open.filter(({ beginning, end }) => end > beginning)
      if (open.length === 0 || count >= maxRecords || bytes >= maxBytes) break
      const each = Math.max(1, Math.min(size, Math.ceil((maxRecords - count) / open.length)))
      const from = open.map(({ partition, beginning, end }) => ({
        partition,
        offset: Math.max(beginning, end - each),
      }))
      const ends = new Map(open.map(({ partition, end }) => [partition, end]))
      const into: Found = { records: [], next: new Map() }
      const found = await this.#read(from, ends, maxBytes - bytes, signal, into)
      windows.push(into.records.filter(({ partition, offset }) => offset < (ends.get(partition) ?? 0)))
      count += windows.at(-1)!.length
      bytes += found.bytes
      if (!found.complete) break
      open = open.map((window, at) => ({ ...window, end: from[at]!.offset }))
      size *= 2
    }
    return { records: windows.toReversed().flat(), bytes, complete: open.length === 0 }
  }

  /** Judges the values, one after the other, and holds what may be held. How many that were. */
  async apply(records: readonly LogRecord[]): Promise<number> {
    const { codec, maxMessageBytes } = this.#shared.settings
    let held = 0
    for (const record of records) {
      const decoded = await decodeRecord(record, codec, maxMessageBytes)
      try {
        held += this.#arriveGroup(decoded) ?? (this.#arrive(decoded) ? 1 : 0)
      } catch (error) {
        // A namespace's own functions (`tags`, `schema`, `sizeOf`) may stumble over a stranger's value.
        this.#refuse({ ...decoded, error })
      }
    }
    this.#shared.counters.updatesApplied += held
    return held
  }

  async #bounds(signal: AbortSignal): Promise<PartitionOffsets[]> {
    const { log, updatesTopic, updatePartitions } = this.#shared.settings
    const partitions = Array.from({ length: updatePartitions }, (_, partition) => partition)
    return log.offsets(updatesTopic, { partitions, signal })
  }

  async #read(
    from: readonly Position[],
    ends: ReadonlyMap<number, number>,
    maxBytes: number,
    signal: AbortSignal,
    { records, next }: Found,
  ): Promise<Omit<Harvest, 'records'>> {
    const {
      log,
      updatesTopic,
      maxPollBytes,
      pollTimeoutMs,
      updatesIsolation: isolation,
    } = this.#shared.settings
    let open = from
    let bytes = 0
    let limit = maxPollBytes
    // Something is there: a consumer that still warms up may take a moment to return it.
    let waitMs = pollTimeoutMs / 2
    for (let reads = 0; open.length > 0 && bytes < maxBytes && reads < MAX_READS; reads++) {
      const options = {
        maxBytes: Math.min(limit, maxBytes - bytes),
        waitMs,
        isolation,
        signal,
      } as const
      const result = await log.read(updatesTopic, open, options)
      for (const record of result.records) bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0)
      records.push(...result.records)
      for (const { partition, offset } of result.next) next.set(partition, offset)
      const was = open
      open = result.next.filter(({ partition, offset }) => offset < (ends.get(partition) ?? 0))
      if (
        result.next.some(
          ({ partition, offset }) => was.find((each) => each.partition === partition)!.offset < offset,
        )
      )
        continue
      // No progress: the rest belongs to a transaction that is still open, or does not fit. Neither is a matter of
      // waiting, and the proof of freshness that comes after this has its time from the same `pollTimeout`.
      if (limit >= maxPollBytes * MAX_READS) break
      limit *= 4
      waitMs = 0
    }
    return { bytes, complete: open.length === 0 }
  }

  /** How many values of a domain's record are held now; `undefined` for any other record. */
  #arriveGroup(decoded: DecodedRecord): number | undefined {
    const group = decoded.error === undefined ? readGroup(decoded.message) : undefined
    return group?.filter((arrived) => {
      const space = this.#spaces.get(arrived.namespace)
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
    const space = this.#spaces.get(arrived.namespace)
    return space !== undefined && this.#hold(space, arrived, decoded.record.timestamp)
  }

  #understand({ message, recordKey }: DecodedRecord): Arrived | undefined {
    return readUpdate(
      message,
      recordKey,
      (name) => this.#spaces.has(name),
      () => Infinity,
    )
  }

  #drop({ namespace, key, asOf }: Pick<ArrivedDrop, 'namespace' | 'key' | 'asOf'>): void {
    for (const space of this.#spaces.values()) {
      if (namespace === undefined || namespace === space.name) space.dropBefore(key, asOf ?? Infinity)
    }
  }

  /** Counts a record that cannot be used, and drops the key that it concerns. Never holds anything: `false`. */
  #refuse(decoded: DecodedRecord): false {
    const { settings, counters } = this.#shared
    const { partition, offset } = decoded.record
    const arrived = this.#understand(decoded)
    if (arrived) this.#drop({ namespace: arrived.namespace, key: arrived.key, asOf: undefined })
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
    const { settings, counters } = this.#shared
    const refuse = (reason: RefuseReason): boolean => {
      counters.refused++
      settings.emit?.({ type: 'refuse', namespace: space.name, key: arrived.key, reason })
      return false
    }
    if (arrived.asOf === undefined && !space.settings.acceptSimpleValues) {
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

const boundsOf = (bounds: readonly PartitionOffsets[]) =>
  new Map(bounds.map(({ partition, end }) => [partition, end]))

const silent = () =>
  new KedgeError('ERR_TIMEOUT', 'the updates topic did not answer in time', { retryable: true })
