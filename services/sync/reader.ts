/** Reads all partitions of a topic, ahead of the writer. @module */
import type { LogRecord, Position } from '../../src/ports/kafka-log.ts'
import { readBatch } from '../../src/runtime/consumer.ts'
import type { SyncSettings } from './settings.ts'
import type { Retry } from './retry.ts'

/** The records of one read. */
export interface Batch {
  readonly records: ReadonlyMap<number, readonly LogRecord[]>
  /** The next offset of each partition that moved. */
  readonly next: ReadonlyMap<number, number>
  readonly outOfRange: readonly number[]
  /** When the answer arrived, by the monotonic clock. */
  readonly readAt: number
}

/** How long a read waits for records, and so how often the loop takes a sample. */
const WAIT_MS = 5000
/** The pause before the next read of a log that answered at once with nothing. */
const IDLE_MS = 500
/** A record may be larger than an answer: the reader then asks for more, up to this. */
const MOST_READ_BYTES = 64_000_000
/** How long the log may return nothing below its end: consumers warm up, transactions are open. */
const STALL_MS = 10_000

export class Reader {
  readonly #settings: SyncSettings
  readonly #log: Retry
  readonly #positions = new Map<number, number>()
  #turn = 0
  #maxBytes: number
  /** How long reads in a row returned nothing although the end lay ahead. */
  #vainMs = 0

  constructor(settings: SyncSettings, log: Retry) {
    this.#settings = settings
    this.#log = log
    this.#maxBytes = settings.maxReadBytes
  }

  /** Continues from these positions. */
  seek(positions: ReadonlyMap<number, number>): void {
    this.#positions.clear()
    for (const [partition, offset] of positions) this.#positions.set(partition, offset)
    this.#vainMs = 0
  }

  /** The positions of the next read: ahead of the writer. */
  get positions(): ReadonlyMap<number, number> {
    return this.#positions
  }

  /** Adds new partitions, and moves forward where retention has deleted the next records. */
  raise(positions: ReadonlyMap<number, number>): void {
    for (const [partition, offset] of positions)
      this.#positions.set(partition, Math.max(offset, this.#positions.get(partition) ?? 0))
  }

  /** The position at which the log has returned nothing for long although the end lies ahead. */
  stall(ends: ReadonlyMap<number, number>): Position | undefined {
    return this.#vainMs < STALL_MS ? undefined : this.#behind(ends)
  }

  #behind(ends: ReadonlyMap<number, number>): Position | undefined {
    for (const [partition, offset] of this.#positions)
      if (offset < (ends.get(partition) ?? 0)) return { partition, offset }
    return undefined
  }

  /** Reads the next records. Retries until the signal is aborted. */
  async read(ends: ReadonlyMap<number, number>, signal: AbortSignal): Promise<Batch> {
    const { runtime } = this.#settings
    const began = runtime.monotonic()
    const batch = await this.#read(signal)
    const moved = batch.next.size > 0
    const early = IDLE_MS - (runtime.monotonic() - began)
    if (!moved && batch.outOfRange.length === 0 && early > 0) await runtime.sleep(early, signal)
    if (moved || this.#behind(ends) === undefined) {
      this.#vainMs = 0
      this.#maxBytes = this.#settings.maxReadBytes
    } else {
      this.#vainMs += runtime.monotonic() - began
      this.#maxBytes = Math.min(this.#maxBytes * 4, Math.max(MOST_READ_BYTES, this.#settings.maxReadBytes))
    }
    return batch
  }

  async #read(signal: AbortSignal): Promise<Batch> {
    const { log, topic, isolation, runtime } = this.#settings
    const at = [...this.#positions].map(([partition, offset]) => ({ partition, offset }))
    // A full answer leaves the last partitions out: so each read begins with another partition.
    const from = at.length === 0 ? 0 : this.#turn++ % at.length
    const positions = [...at.slice(from), ...at.slice(0, from)]
    const waitMs = log.capabilities.longPoll ? WAIT_MS : 0
    const fetch = { maxBytes: this.#maxBytes, waitMs }
    const batch = await this.#log.until(
      (inner) => readBatch({ log, topic, isolation }, positions, fetch, inner),
      signal,
      { extraMs: waitMs },
    )
    const records = new Map<number, LogRecord[]>()
    for (const record of batch.records) {
      const known = records.get(record.partition)
      if (known) known.push(record)
      else records.set(record.partition, [record])
    }
    // The positions may have been raised while the log answered.
    const next = [...batch.next].filter(
      ([partition, offset]) => offset > (this.#positions.get(partition) ?? 0),
    )
    for (const [partition, offset] of next) this.#positions.set(partition, offset)
    return { records, next: new Map(next), outOfRange: batch.outOfRange, readAt: runtime.monotonic() }
  }
}
