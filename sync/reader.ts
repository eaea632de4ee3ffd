/** Reads all partitions of a topic, ahead of what is written. @module */
import type { LogRecord, Position } from '../src/log.ts'
import type { SyncSettings } from './settings.ts'
import type { Patience } from './patience.ts'

/** What one read brought. */
export interface Batch {
  readonly records: ReadonlyMap<number, readonly LogRecord[]>
  /** Where each partition goes on, if it has moved. */
  readonly next: ReadonlyMap<number, number>
  readonly outOfRange: readonly number[]
  /** When it had come, by the monotonic clock. */
  readonly readAt: number
}

/** How long a read waits for news, and so how often there is a look around. */
const WAIT_MS = 5000
/** A log that answers at once with nothing is not asked again before this. */
const IDLE_MS = 500
/** A record may be larger than an answer: where it cannot be had, more is asked for, up to this. */
const MOST_READ_BYTES = 64_000_000
/** How long there may be nothing although there is something: consumers warm up, transactions are open. */
const STALL_MS = 10_000

export class Reader {
  readonly #settings: SyncSettings
  readonly #log: Patience
  readonly #positions = new Map<number, number>()
  #turn = 0
  #maxBytes: number
  /** How long reads in a row brought nothing although there was something. */
  #vainMs = 0

  constructor(settings: SyncSettings, log: Patience) {
    this.#settings = settings
    this.#log = log
    this.#maxBytes = settings.maxReadBytes
  }

  /** Goes on from these positions. */
  seek(positions: ReadonlyMap<number, number>): void {
    this.#positions.clear()
    for (const [partition, offset] of positions) this.#positions.set(partition, offset)
    this.#vainMs = 0
  }

  /** Where it reads next: ahead of what is written. */
  get positions(): ReadonlyMap<number, number> {
    return this.#positions
  }

  /** Takes partitions in that are new, and goes on where retention has taken what was to be read. */
  raise(positions: ReadonlyMap<number, number>): void {
    for (const [partition, offset] of positions)
      this.#positions.set(partition, Math.max(offset, this.#positions.get(partition) ?? 0))
  }

  /** Whether nothing could be read for a long time of what lies below the ends; where that is. */
  stall(ends: ReadonlyMap<number, number>): Position | undefined {
    return this.#vainMs < STALL_MS ? undefined : this.#behind(ends)
  }

  #behind(ends: ReadonlyMap<number, number>): Position | undefined {
    for (const [partition, offset] of this.#positions)
      if (offset < (ends.get(partition) ?? 0)) return { partition, offset }
    return undefined
  }

  /** The next records. Tries again for as long as the signal allows. */
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
    // A partition whose turn comes when an answer is full waits: so each is the first one once.
    const from = at.length === 0 ? 0 : this.#turn++ % at.length
    const positions = [...at.slice(from), ...at.slice(0, from)]
    const waitMs = log.capabilities.longPoll ? WAIT_MS : 0
    const options = { maxBytes: this.#maxBytes, waitMs, isolation }
    const result = await this.#log.until(
      (inner) => log.read(topic, positions, { ...options, signal: inner }),
      signal,
      { extraMs: waitMs },
    )
    const records = new Map<number, LogRecord[]>()
    for (const record of result.records) {
      const known = records.get(record.partition)
      if (known) known.push(record)
      else records.set(record.partition, [record])
    }
    const next = new Map<number, number>()
    for (const { partition, offset } of result.next) {
      if (offset <= (this.#positions.get(partition) ?? 0)) continue
      next.set(partition, offset)
      this.#positions.set(partition, offset)
    }
    return { records, next, outOfRange: result.outOfRange, readAt: runtime.monotonic() }
  }
}
