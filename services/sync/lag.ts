/** How far behind a sync is, how fast it goes, and whether it is ready. @module */
import type { PartitionOffsets } from '../../src/ports/kafka-log.ts'
import type { SyncSettings } from './settings.ts'

/** How far the store is behind the topic. */
export interface SyncLag {
  /** Offsets between the positions and the ends as they were known last; gaps count as well. */
  readonly records: number
  /** How long the store has been behind, in milliseconds; 0 where it is not. */
  readonly ms: number
  /** On the way to the end of the topic as it was when the stream began. */
  readonly rehydrating: boolean
  readonly partitions: readonly {
    readonly partition: number
    readonly position: number
    readonly end: number
  }[]
}

export interface Progress {
  readonly records: number
  readonly total: number
  readonly recordsPerSecond: number
  readonly etaMs: number | undefined
  readonly durationMs: number
}

interface Trip {
  readonly from: ReadonlyMap<number, number>
  readonly to: ReadonlyMap<number, number>
  readonly beganAt: number
}

const PROGRESS_MS = 1000

export class LagTracker {
  readonly #settings: SyncSettings
  readonly #positions = new Map<number, number>()
  readonly #ends = new Map<number, number>()
  /** When the store was last level with the topic, by the monotonic clock. */
  #levelAt: number | undefined
  /** Timestamp of the last written record, where the log gave one. */
  #writtenUpTo: number | undefined
  #trip: Trip | undefined
  #saidAt = -Infinity
  #begunAt: number | undefined

  constructor(settings: SyncSettings) {
    this.#settings = settings
  }

  /** Reading begins, or begins again, from these positions. */
  begin(positions: ReadonlyMap<number, number>, ends: ReadonlyMap<number, number>, since: number): void {
    this.#positions.clear()
    this.#ends.clear()
    for (const [partition, offset] of positions) this.#positions.set(partition, offset)
    for (const [partition, end] of ends) this.#ends.set(partition, end)
    this.#begunAt = since
    this.#trip = { from: new Map(positions), to: new Map(ends), beganAt: since }
    this.#arrive(since)
  }

  /** The ends as they were at `since`. */
  sampled(bounds: readonly PartitionOffsets[], since: number): void {
    for (const { partition, beginning, end } of bounds) {
      this.#ends.set(partition, Math.max(end, this.#ends.get(partition) ?? 0))
      if (!this.#positions.has(partition)) this.#positions.set(partition, beginning)
    }
    if (this.#behind() === 0) this.#levelAt = since
  }

  /** Everything below `next` is in the store; it was read at `readAt`. */
  moved(partition: number, next: number, readAt: number, timestamp: number | undefined): void {
    this.#positions.set(partition, Math.max(next, this.#positions.get(partition) ?? 0))
    this.#ends.set(partition, Math.max(next, this.#ends.get(partition) ?? 0))
    if (timestamp !== undefined) this.#writtenUpTo = timestamp
    if (this.#behind() === 0) this.#levelAt = readAt
    this.#arrive(readAt)
  }

  /** Ends the trip: the log returns nothing more for now. */
  stalled(): void {
    if (this.#trip) this.#end(this.#trip)
  }

  get rehydrating(): boolean {
    return this.#trip !== undefined
  }

  lag(): SyncLag {
    const partitions = [...this.#positions]
      .map(([partition, position]) => ({ partition, position, end: this.#ends.get(partition) ?? position }))
      .toSorted((a, b) => a.partition - b.partition)
    const records = this.#behind()
    return { records, ms: records === 0 ? 0 : this.#behindMs(), rehydrating: this.rehydrating, partitions }
  }

  /** 0 while there is little lag, 1 at the limit and beyond. */
  pressure(): number {
    const { maxLagMs, maxLagRecords } = this.#settings
    const { records, ms } = this.lag()
    const share = Math.max(ms / maxLagMs, records / maxLagRecords)
    // Below half of the limit producers need not slow down.
    return Math.min(1, Math.max(0, share * 2 - 1))
  }

  /** Progress of the trip under way, when the next report is due. */
  progress(): Progress | undefined {
    const now = this.#settings.runtime.monotonic()
    if (!this.#trip || now - this.#saidAt < PROGRESS_MS) return undefined
    this.#saidAt = now
    return this.#progressOf(this.#trip)
  }

  #behind(): number {
    let records = 0
    for (const [partition, end] of this.#ends)
      records += Math.max(0, end - (this.#positions.get(partition) ?? 0))
    return records
  }

  #behindMs(): number {
    const { runtime } = this.#settings
    const since = this.#levelAt ?? this.#begunAt
    const seen = since === undefined ? 0 : runtime.monotonic() - since
    if (this.#writtenUpTo === undefined) return Math.max(0, seen)
    const age = Math.max(0, runtime.now() - this.#writtenUpTo)
    // The last record of a quiet topic is old although the store is level; and a sync that was never level
    // does not know since when it is behind.
    return this.#levelAt === undefined ? age : Math.min(age, Math.max(0, seen))
  }

  #arrive(at: number): void {
    const trip = this.#trip
    if (!trip) return
    for (const [partition, end] of trip.to) if ((this.#positions.get(partition) ?? 0) < end) return
    if (this.#behind() === 0) this.#levelAt = at
    this.#end(trip)
  }

  #end(trip: Trip): void {
    const { records, durationMs, recordsPerSecond } = this.#progressOf(trip)
    this.#trip = undefined
    this.#settings.emit({ type: 'caught_up', records, durationMs, recordsPerSecond })
  }

  #progressOf({ from, to, beganAt }: Trip): Progress {
    let [records, total] = [0, 0]
    for (const [partition, end] of to) {
      const start = from.get(partition) ?? 0
      total += Math.max(0, end - start)
      records += Math.max(0, Math.min(end, this.#positions.get(partition) ?? 0) - start)
    }
    const durationMs = Math.max(0, this.#settings.runtime.monotonic() - beganAt)
    const recordsPerSecond = durationMs === 0 ? 0 : (records * 1000) / durationMs
    const etaMs = recordsPerSecond === 0 ? undefined : ((total - records) * 1000) / recordsPerSecond
    return { records, total, recordsPerSecond, etaMs, durationMs }
  }
}
