/**
 * One partition in memory: records by offset, with the gaps that compaction and transactions leave.
 *
 * @module
 */
import type { LogRecord } from '../ports/kafka-log.ts'

/** A header as Kafka has it: names may repeat, values are bytes or null. */
export interface RecordHeader {
  readonly name: string
  readonly value: Uint8Array | null
}

/** A record as a {@link MemoryPartition} holds it. Its bytes are shared with every reader: do not change them. */
export interface StoredRecord extends Omit<LogRecord, 'headers'> {
  readonly timestamp: number
  readonly headers: readonly RecordHeader[]
}

/** Where a transaction stands; shared by all of its records. */
export interface TransactionState {
  state: 'open' | 'committed' | 'aborted'
}

interface Entry {
  readonly record: StoredRecord
  readonly transaction: TransactionState | undefined
}

export interface Slice {
  readonly records: readonly StoredRecord[]
  /** The offset to read from next: past gaps and markers, when the slice reaches the end. */
  readonly next: number
  readonly bytes: number
}

/** Records of one partition, oldest first. */
export class MemoryPartition {
  readonly id: number
  #beginning = 0
  #end = 0
  #bytes = 0
  #entries: Entry[] = []
  /** Entries before this index are gone; cutting an array at its front for every record would cost its length. */
  #head = 0
  readonly #open = new Map<TransactionState, number>()

  constructor(id: number) {
    this.id = id
  }

  /** The oldest offset that may be asked for. Compaction does not move it. */
  get beginning(): number {
    return this.#beginning
  }

  /** The offset that the next record will get. */
  get end(): number {
    return this.#end
  }

  /** Kafka's last stable offset: where reading committed records stops. */
  get stable(): number {
    return Math.max(this.#beginning, Math.min(this.#end, ...this.#open.values()))
  }

  /** Bytes of keys, values and headers. */
  get bytes(): number {
    return this.#bytes
  }

  /** How many records are held. */
  get size(): number {
    return this.#entries.length - this.#head
  }

  append(fields: Omit<StoredRecord, 'partition' | 'offset'>, transaction?: TransactionState): StoredRecord {
    const record = { ...fields, partition: this.id, offset: this.#end++ }
    if (transaction && !this.#open.has(transaction)) this.#open.set(transaction, record.offset)
    this.#entries.push({ record, transaction })
    this.#bytes += bytesOf(record)
    return record
  }

  /** Writes the marker that ends a transaction: it takes an offset and is never returned. */
  endTransaction(transaction: TransactionState): void {
    if (this.#open.delete(transaction)) this.#end++
  }

  /** Records from `offset` on, at least one where there is one, until `maxBytes` would be passed. */
  slice(offset: number, maxBytes: number, committed: boolean): Slice {
    const limit = committed ? this.stable : this.#end
    const records: StoredRecord[] = []
    let bytes = 0
    for (let i = this.#indexOf(offset); i < this.#entries.length; i++) {
      const { record, transaction } = this.#entries[i]!
      if (record.offset >= limit) break
      if (committed && transaction?.state === 'aborted') continue
      const size = bytesOf(record)
      if (records.length > 0 && bytes + size > maxBytes) return { records, next: record.offset, bytes }
      records.push(record)
      bytes += size
    }
    return { records, next: Math.max(offset, limit), bytes }
  }

  /** The first offset whose record is not older than `timestamp`; the end when there is none. */
  offsetAt(timestamp: number): number {
    for (let i = this.#head; i < this.#entries.length; i++) {
      const { record } = this.#entries[i]!
      if (record.timestamp >= timestamp) return record.offset
    }
    return this.#end
  }

  /** Kafka's DeleteRecords: nothing before `offset` is held any more. */
  truncate(offset: number): void {
    this.#beginning = Math.min(Math.max(offset, this.#beginning), this.#end)
    this.#dropUntil(this.#indexOf(this.#beginning))
  }

  /** Drops the oldest records until no more than so many records and bytes are held. */
  retain(maxRecords: number, maxBytes: number): void {
    let index = this.#head
    let bytes = this.#bytes
    while (index < this.#entries.length && (this.#entries.length - index > maxRecords || bytes > maxBytes)) {
      bytes -= bytesOf(this.#entries[index++]!.record)
    }
    if (index > this.#head) this.truncate(this.#entries[index]?.record.offset ?? this.#end)
  }

  /** Keeps the last record of every key, records without a key, and, unless `dropTombstones`, tombstones. */
  compact(dropTombstones: boolean): void {
    const last = new Map<string, number>()
    const live = this.#entries.slice(this.#head).filter((entry) => entry.transaction?.state !== 'aborted')
    for (const { record } of live) if (record.key) last.set(identity(record.key), record.offset)
    this.#entries = live.filter(({ record, transaction }) => {
      if (!record.key || transaction?.state === 'open') return true
      if (record.value === null && dropTombstones) return false
      return last.get(identity(record.key)) === record.offset
    })
    this.#head = 0
    this.#bytes = this.#entries.reduce((sum, entry) => sum + bytesOf(entry.record), 0)
  }

  #dropUntil(index: number): void {
    for (; this.#head < index; this.#head++) this.#bytes -= bytesOf(this.#entries[this.#head]!.record)
    // One cut for every so many drops, so that dropped records are not kept alive and cutting stays cheap.
    if (this.#head > 256 && this.#head > this.#entries.length / 2) {
      this.#entries = this.#entries.slice(this.#head)
      this.#head = 0
    }
  }

  /** The index of the first record at or after `offset`. */
  #indexOf(offset: number): number {
    let low = this.#head
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#entries[middle]!.record.offset < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Bytes of a record's key, value and headers. */
export function bytesOf(record: Pick<StoredRecord, 'key' | 'value' | 'headers'>): number {
  let bytes = (record.key?.length ?? 0) + (record.value?.length ?? 0)
  for (const { name, value } of record.headers) bytes += name.length + (value?.length ?? 0)
  return bytes
}

const identity = (key: Uint8Array): string => Array.from(key, (byte) => String.fromCharCode(byte)).join('')
