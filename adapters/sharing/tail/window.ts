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
  /** What all before it have taken, since the beginning. */
  readonly bytesBefore: number
  readonly takenAt: number
}

/** Every record in `[base, next)` of the window. */
export interface Newest {
  readonly base: number
  readonly records: readonly LogRecord[]
}

export class RecordWindow {
  /** Every record in `[base, next)` is held. */
  base = 0
  next = 0
  #kept: Kept[] = []
  /** What all have taken, since the beginning. */
  #bytesEver = 0

  /** Drops everything, and goes on from here. */
  restart(base: number): void {
    this.base = base
    this.next = base
    this.#kept = []
  }

  /** @param next the position after them: there may be a gap before it, which is no loss */
  append(records: readonly LogRecord[], next: number, now: number): void {
    for (const record of records) {
      if (record.offset < this.next) continue
      this.#kept.push({ record, bytesBefore: this.#bytesEver, takenAt: now })
      this.#bytesEver += bytesOf(record)
    }
    this.next = Math.max(this.next, next)
    const length = this.#kept.length
    const isTooMuch = firstOf(length, (at) => this.#bytesFrom(at) <= MAX_BYTES)
    this.#dropFirst(Math.max(isTooMuch, length - MAX_RECORDS))
  }

  /** Retention has taken what was before. */
  forgetBefore(beginning: number): void {
    if (beginning <= this.base) return
    this.#dropFirst(this.#indexOf(beginning))
    this.base = beginning
    this.next = Math.max(this.next, beginning)
  }

  /**
   * The newest records: from `from` on where that is given, and with `isHeld` what is worth handing on as well. Where both take more
   * than `maxBytes`, only the latter.
   */
  newest(from: number | undefined, isHeld: boolean, now: number, maxBytes: number): Newest {
    const held = isHeld ? this.#heldFrom(now) : this.next
    const wanted = Math.min(from ?? this.next, held)
    const at = wanted < this.base ? undefined : this.#indexOf(wanted)
    if (at !== undefined && this.#bytesFrom(at) <= maxBytes) return this.#from(wanted, at)
    // At most `HELD_BYTES`, which any answer takes.
    return this.#from(held, this.#indexOf(held))
  }

  /**
   * The records from `offset` on, as many as `maxBytes` takes but at least one, and the position after them; `undefined` where they are
   * not here.
   */
  read(offset: number, maxBytes: number): { records: readonly LogRecord[]; next: number } | undefined {
    if (offset < this.base || offset >= this.next) return undefined
    const first = this.#indexOf(offset)
    const fits = (at: number) => at <= first || this.#bytesFrom(first) - this.#bytesFrom(at + 1) <= maxBytes
    const left = firstOf(this.#kept.length - first, (at) => !fits(first + at))
    const records = this.#kept.slice(first, first + left).map(({ record }) => record)
    return { records, next: this.#kept[first + left]?.record.offset ?? this.next }
  }

  /** The first offset of what is worth handing on: taken lately, and not much. */
  #heldFrom(now: number): number {
    const isWorth = (at: number) =>
      this.#bytesFrom(at) <= HELD_BYTES && now - this.#kept[at]!.takenAt <= HELD_MS
    const first = firstOf(this.#kept.length, isWorth)
    return first === 0 ? this.base : this.#kept[first - 1]!.record.offset + 1
  }

  #from(base: number, at: number): Newest {
    return { base, records: this.#kept.slice(at).map(({ record }) => record) }
  }

  #indexOf(offset: number): number {
    return firstOf(this.#kept.length, (at) => this.#kept[at]!.record.offset >= offset)
  }

  #bytesFrom(at: number): number {
    return this.#bytesEver - (this.#kept[at]?.bytesBefore ?? this.#bytesEver)
  }

  #dropFirst(count: number): void {
    if (count <= 0) return
    const dropped = this.#kept.splice(0, count)
    this.base = dropped.at(-1)!.record.offset + 1
  }
}

/** The first index from which on all others have what is asked for as well. */
function firstOf(length: number, has: (at: number) => boolean): number {
  let [low, high] = [0, length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (has(middle)) high = middle
    else low = middle + 1
  }
  return low
}

/** What a record takes in a document: base64 makes four characters of three bytes. */
export const bytesOf = ({ key, value }: Pick<LogRecord, 'key' | 'value'>): number =>
  RECORD_BYTES + Math.ceil((((key?.length ?? 0) + (value?.length ?? 0)) * 4) / 3)
