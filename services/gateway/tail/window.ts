/** The most recent records of a partition, as one isolation level shows them. @module */
import type { ClusterRecord } from '../cluster.ts'
import { bytesOf } from '../partition-reader.ts'

export interface WindowLimits {
  readonly maxBytes: number
  readonly maxRecords: number
}

export interface WindowSlice {
  /** The same array for the same question, for as long as nothing was appended in between. */
  readonly records: readonly ClusterRecord[]
  readonly next: number
}

interface Entry {
  readonly record: ClusterRecord
  readonly bytes: number
}

/**
 * Every readable record from offset `start` up to `end`, exclusive: a gap in it is a gap of the log.
 */
export class Window {
  #start: number
  #end: number
  #bytes = 0
  #entries: Entry[] = []
  readonly #limits: WindowLimits
  #last: { readonly offset: number; readonly maxBytes: number; readonly slice: WindowSlice } | undefined

  constructor(offset: number, limits: WindowLimits) {
    this.#start = offset
    this.#end = offset
    this.#limits = limits
  }

  get end(): number {
    return this.#end
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Whether a read from `offset` finds here what it would find in the log, as far as the window reaches. */
  covers(offset: number): boolean {
    return offset >= this.#start && offset < this.#end
  }

  /** Adds the records of a read from the end on, without those that it holds or that lie beyond `next`. */
  append(records: readonly ClusterRecord[], next: number): void {
    this.#last = undefined
    for (const record of records) {
      if (record.offset < this.#end || record.offset >= next) continue
      const entry = { record, bytes: bytesOf(record) }
      this.#entries.push(entry)
      this.#bytes += entry.bytes
    }
    this.#end = Math.max(this.#end, next)
    this.#shrink(this.#limits)
  }

  /** From `offset` on, at least one record where there is one, until `maxBytes` would be passed. */
  slice(offset: number, maxBytes: number): WindowSlice {
    if (this.#last?.offset === offset && this.#last.maxBytes === maxBytes) return this.#last.slice
    const slice = this.#cut(offset, maxBytes)
    this.#last = { offset, maxBytes, slice }
    return slice
  }

  /** The log begins at `offset` now. */
  forgetBefore(offset: number): void {
    if (offset > this.#start) this.#drop(this.#indexOf(offset), offset)
  }

  /** Gives up the older half. */
  halve(): void {
    this.#shrink({ maxBytes: this.#bytes / 2, maxRecords: this.#entries.length / 2 })
  }

  #cut(offset: number, maxBytes: number): WindowSlice {
    const records: ClusterRecord[] = []
    let left = maxBytes
    for (let i = this.#indexOf(offset); i < this.#entries.length; i++) {
      const { record, bytes } = this.#entries[i]!
      if (records.length > 0 && bytes > left) return { records, next: record.offset }
      records.push(record)
      left -= bytes
    }
    return { records, next: this.#end }
  }

  #shrink({ maxBytes, maxRecords }: WindowLimits): void {
    let count = Math.ceil(Math.max(0, this.#entries.length - maxRecords))
    let bytes = this.#bytes
    for (let i = 0; i < this.#entries.length && (i < count || bytes > maxBytes); i++) {
      bytes -= this.#entries[i]!.bytes
      count = Math.max(count, i + 1)
    }
    if (count > 0) this.#drop(count, this.#entries[count]?.record.offset ?? this.#end)
  }

  #drop(count: number, start: number): void {
    for (const { bytes } of this.#entries.splice(0, count)) this.#bytes -= bytes
    this.#start = Math.min(start, this.#end)
    this.#last = undefined
  }

  /** The index of the first record at or after `offset`. */
  #indexOf(offset: number): number {
    let low = 0
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#entries[middle]!.record.offset < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}
