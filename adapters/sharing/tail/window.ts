/** The records that a tail holds of one partition, without a gap. @module */
import type { LogRecord } from '../../../src/ports/kafka-log.ts'

const MAX_RECORDS = 10_000
const MAX_BYTES = 4 * 2 ** 20
/** What a store is given: what most isolates lack, and little enough to be parsed at each poll. */
const HELD_MS = 5000
const HELD_BYTES = 49_152
/** What a record takes beside its key and value, in a document. */
const RECORD_BYTES = 40

interface Kept {
  readonly record: LogRecord
  readonly bytes: number
  readonly takenAt: number
}

export class RecordWindow {
  /** Every record in `[base, next)` is held. */
  base = 0
  next = 0
  #kept: Kept[] = []
  #bytes = 0

  /** Drops everything, and goes on from here. */
  restart(base: number): void {
    this.base = base
    this.next = base
    this.#kept = []
    this.#bytes = 0
  }

  /** @param next the position after them: there may be a gap before it, which is no loss */
  append(records: readonly LogRecord[], next: number, now: number): void {
    for (const record of records) {
      if (record.offset < this.next) continue
      const bytes = bytesOf(record)
      this.#kept.push({ record, bytes, takenAt: now })
      this.#bytes += bytes
    }
    this.next = Math.max(this.next, next)
    let over = Math.max(0, this.#kept.length - MAX_RECORDS)
    let left = this.#bytes
    for (let at = 0; at < over || left > MAX_BYTES; at++) {
      left -= this.#kept[at]!.bytes
      over = Math.max(over, at + 1)
    }
    this.#dropFirst(over)
  }

  /** Retention has taken what was before. */
  forgetBefore(beginning: number): void {
    if (beginning <= this.base) return
    this.#dropFirst(this.#kept.filter(({ record }) => record.offset < beginning).length)
    this.base = beginning
    this.next = Math.max(this.next, beginning)
  }

  /** Those from this offset on, as far as they take no more than so many bytes: all of them, or `undefined`. */
  from(offset: number, maxBytes: number): readonly LogRecord[] | undefined {
    if (offset < this.base) return undefined
    const found = this.#kept.filter(({ record }) => record.offset >= offset)
    const bytes = found.reduce((sum, each) => sum + each.bytes, 0)
    return bytes > maxBytes ? undefined : found.map(({ record }) => record)
  }

  /** The first offset of what is worth handing on: taken lately, and not much. */
  heldFrom(now: number): number {
    let bytes = 0
    for (let at = this.#kept.length - 1; at >= 0; at--) {
      const kept = this.#kept[at]!
      bytes += kept.bytes
      if (bytes > HELD_BYTES || now - kept.takenAt > HELD_MS) return kept.record.offset + 1
    }
    return this.base
  }

  #dropFirst(count: number): void {
    if (count === 0) return
    const dropped = this.#kept.splice(0, count)
    this.base = dropped.at(-1)!.record.offset + 1
    this.#bytes -= dropped.reduce((sum, { bytes }) => sum + bytes, 0)
  }
}

/** What a record takes in a document: base64 makes four characters of three bytes. */
export const bytesOf = ({ key, value }: Pick<LogRecord, 'key' | 'value'>): number =>
  RECORD_BYTES + Math.ceil((((key?.length ?? 0) + (value?.length ?? 0)) * 4) / 3)
