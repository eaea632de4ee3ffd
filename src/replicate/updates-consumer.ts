/**
 * Values from the updates topic: read by `replicate()` and `prewarm()`, held under the as-of rule.
 *
 * Values are read first, evictions after them, and only then are the values judged: each by every eviction that
 * was in the log when the value was read. What fails here costs misses, never freshness.
 *
 * @module
 */
import { withDeadline } from '../runtime/deadline.ts'
import { consume } from '../runtime/consumer.ts'
import type { Fetch } from '../runtime/consumer.ts'
import { KedgeError } from '../ports/errors.ts'
import type { CacheContext } from '../coherence/cache-context.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import type { LogRecord, PartitionOffsets, Position } from '../ports/kafka-log.ts'
import type { UpdatesPassed } from './awaited-updates.ts'
import type { TokenPositions } from '../wire/token.ts'
import { UpdatesApplier } from './updates-applier.ts'
import type { UpdatesParts } from './updates-applier.ts'

/** Reads of one round; what is left is read in the next. */
const MAX_READS = 16
/** How many times an answer asked for may become four times as large for a record that does not fit. */
const MAX_QUADRUPLINGS = 2
/** Records of the first window that prewarming reads; each one after it is twice as large. */
const FIRST_WINDOW = 64

/** What reading found: not decoded yet, so that what is held meanwhile is no more than what was asked for. */
export interface NewestUpdates {
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

export class UpdatesConsumer implements UpdatesPassed {
  readonly #shared: CacheContext
  readonly #stores: ReadonlyMap<string, CoherentStore<unknown>>
  readonly #applier: UpdatesApplier
  readonly #takesPart: (namespace: string) => boolean
  /** The next offset of each partition: everything below it has been applied. */
  readonly #positions = new Map<number, number>()
  /** Where each partition ended when it was looked at last. */
  readonly #ends = new Map<number, number>()
  /** As of when the latest look at it was that has come to its end. */
  #lookedAt = -Infinity
  /** Whether the next look must be at the topic as it is then. */
  #doubtsEnds = false

  /** @param simple the namespaces that accept values without an as-of */
  constructor(parts: UpdatesParts, simple?: (namespace: string) => boolean) {
    this.#shared = parts.context.shared
    this.#stores = parts.stores
    this.#applier = new UpdatesApplier(parts, simple)
    this.#takesPart = (namespace) => parts.takesPart('replicate', namespace)
  }

  /** Whether values before these positions are in the topic, or may be, and are not applied here yet. */
  lags(required: TokenPositions, since: number): boolean {
    if (this.#lookedAt < since) return true
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
   *
   * @param maxAgeMs how old the ends may be that others have sampled
   */
  async fetch(signal: AbortSignal, maxAgeMs = 0): Promise<() => Promise<void>> {
    const { runtime, pollTimeoutMs, emit } = this.#shared.settings
    const began = this.#shared.clock.now()
    const found: Found = { records: [], next: new Map() }
    try {
      // With a deadline of its own, so that what a slow topic has returned by then counts. No proof waits as long.
      await withDeadline(
        runtime,
        pollTimeoutMs,
        silent,
        (inner) => this.#fetch(found, began, maxAgeMs, inner),
        signal,
      )
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

  async #fetch(found: Found, began: number, askedMs: number, signal: AbortSignal): Promise<void> {
    const { settings } = this.#shared
    const maxAgeMs = this.#doubtsEnds ? 0 : askedMs
    this.#doubtsEnds = false
    const bounds = await this.#bounds(signal, maxAgeMs)
    const ageMs = Math.max(0, ...bounds.map((each) => each.ageMs ?? 0))
    const from: Position[] = []
    for (const { partition, beginning, end } of bounds) {
      // By an end that was sampled earlier, a token that goes beyond it is neither foreign nor fulfilled.
      this.#ends.set(partition, ageMs > 0 ? Math.max(end, this.#ends.get(partition) ?? 0) : end)
      const known = this.#positions.get(partition)
      if (known === undefined) this.#positions.set(partition, end)
      // An end that was sampled earlier may lie below what has been read since; whether it does, or the log is another one, the next look tells.
      else if (ageMs > 0 && known > end) this.#doubtsEnds = true
      else if (known < beginning || known > end || end - known > settings.maxCatchUpRecords)
        this.#skip(partition, end)
      else if (known < end) from.push({ partition, offset: known })
    }
    this.#lookedAt = Math.max(this.#lookedAt, began - ageMs)
    await this.#read(from, boundsOf(bounds), settings.maxPollBytes * MAX_READS, signal, found)
  }

  /** Goes on at the end. What is passed over may have dropped anything, so everything is dropped. */
  #skip(partition: number, end: number): void {
    this.#positions.set(partition, end)
    for (const space of this.#stores.values())
      if (this.#takesPart(space.name)) space.dropPossiblyEvicted(() => true)
  }

  /** Reads the newest part of the topic: from the end backwards, a window at a time. */
  async newest(maxRecords: number, maxBytes: number, signal: AbortSignal): Promise<NewestUpdates> {
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
  apply(records: readonly LogRecord[]): Promise<number> {
    return this.#applier.apply(records)
  }

  async #bounds(signal: AbortSignal, maxAgeMs = 0): Promise<PartitionOffsets[]> {
    const { clock, settings } = this.#shared
    const { log, updatesTopic, updatePartitions } = settings
    const partitions = Array.from({ length: updatePartitions }, (_, partition) => partition)
    return log.offsets(updatesTopic, { partitions, signal, ...(maxAgeMs > 0 && { maxAgeMs, clock }) })
  }

  /** Reads up to the ends: until `maxBytes` are reached, or the log returns no more. */
  async #read(
    from: readonly Position[],
    ends: ReadonlyMap<number, number>,
    maxBytes: number,
    signal: AbortSignal,
    { records, next }: Found,
  ): Promise<Omit<NewestUpdates, 'records'>> {
    const { log, updatesTopic, maxPollBytes, pollTimeoutMs, updatesIsolation } = this.#shared.settings
    const source = { log, topic: updatesTopic, isolation: updatesIsolation }
    let open = from
    let bytes = 0
    let reads = 0
    const positions = () => (bytes < maxBytes && reads < MAX_READS ? open : [])
    const attempt = (vain: number): Fetch | undefined => {
      if (vain > MAX_QUADRUPLINGS) return undefined
      // Something is there: a consumer that still warms up may take a moment to return it. What an answer did not
      // return belongs to a transaction that is still open, or does not fit. Neither is a matter of waiting, and a
      // proof of freshness waits for this.
      const waitMs = vain === 0 ? pollTimeoutMs / 2 : 0
      return { maxBytes: Math.min(maxPollBytes * 4 ** vain, maxBytes - bytes), waitMs }
    }
    for await (const batch of consume(source, positions, attempt, signal)) {
      reads++
      for (const { key, value } of batch.records) bytes += (key?.length ?? 0) + (value?.length ?? 0)
      records.push(...batch.records)
      for (const [partition, offset] of batch.next) next.set(partition, offset)
      open = open
        .map(({ partition, offset }) => ({ partition, offset: batch.next.get(partition) ?? offset }))
        .filter(({ partition, offset }) => offset < (ends.get(partition) ?? 0))
    }
    return { bytes, complete: open.length === 0 }
  }
}

const boundsOf = (bounds: readonly PartitionOffsets[]) =>
  new Map(bounds.map(({ partition, end }) => [partition, end]))

const silent = () =>
  new KedgeError('ERR_TIMEOUT', 'the updates topic did not answer in time', { retryable: true })
