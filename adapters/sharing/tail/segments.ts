/**
 * Segments: runs of 256 offsets of a log, each with all records in it, in the store beside the proofs.
 *
 * Where many are evicted, a proof has room for the records of a fraction of a second. An isolate whose position lies before those
 * gets the records between from segments, and the tail is spared a question. A segment never changes, so its age does not matter. One
 * that is missing, cut, forged or of another log counts as none, and costs a question; a position never passes a record on its word.
 *
 * Who asked the tail puts the whole segments of the answer, before the proof.
 *
 * @module
 */
import { anything, fields, fits, offsetShape } from '../../answer-shape.ts'
import { roomOf, type StoreLimits } from './limits.ts'
import { keep } from './places.ts'
import { decodeRecords, encodeRecord, type ProvedRecord } from './proof.ts'
import type { SignedStore } from './signed-store.ts'
import { bytesOf } from './window.ts'

/** Every record in `[base, next)` of a log. */
export interface Run {
  readonly base: number
  readonly next: number
  readonly records: readonly ProvedRecord[]
}

/** Who is further behind than this many isolates read of a store at once asks the tail. */
const MAX_AT_ONCE = 8
/** Who is behind for so long starts again at the end, or is not worth a store. */
const TTL_MS = 60_000

/** What is known of the segments of a place. */
interface Known {
  readonly logId: string
  /** The first that the store may lack. */
  readonly lacksFrom: number
  /** Whether a proof had no room for the records that an isolate needed. */
  readonly isDense: boolean
}

interface Unput extends Run {
  readonly place: string
  readonly logId: string
  readonly number: number
}

const documentShape = fields({
  v: (value) => (value === 1 ? undefined : 'must be 1'),
  base: offsetShape,
  next: offsetShape,
  // Checked where they are decoded.
  records: anything,
})

export const encodeSegment = ({ base, next, records }: Run): string =>
  JSON.stringify({ v: 1, base, next, records: records.map(encodeRecord) })

/** The records of the segment from `base` to `next`, or `undefined` where the document is none of it. */
export function decodeSegment(text: string, base: number, next: number): Run | undefined {
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!fits(found, documentShape) || found.base !== base || found.next !== next) return undefined
  const records = decodeRecords(found.records, base, next)
  return records && { base, next, records }
}

export class Segments {
  readonly #store: SignedStore
  readonly #limits: StoreLimits
  readonly #known = new Map<string, Known>()
  #unput: Unput[] = []

  constructor(store: SignedStore, limits: StoreLimits) {
    this.#store = store
    this.#limits = limits
  }

  /** Where the tail is to be asked from, so that its answer has whole segments; `offset` itself where proofs have room for all. */
  askFrom(place: string, offset: number): number {
    return this.#known.get(place)?.isDense ? this.startOf(offset) : offset
  }

  /** Where the segment begins that has the offset. */
  startOf(offset: number): number {
    return this.#numberOf(offset) * this.#limits.segmentOffsets
  }

  /** Who put this proof into the store has put the whole segments before its end as well. */
  found(place: string, { logId, next }: { readonly logId: string; readonly next: number }): void {
    const known = this.#of(place, logId)
    this.#set(place, { ...known, lacksFrom: Math.max(known.lacksFrom, this.#numberOf(next)) })
  }

  /**
   * What a tail has answered: its whole segments are to be put, but for those that the store has.
   *
   * @param isLacking whether the store was found to lack the first of them; else they are put where proofs have no room for all
   */
  keep(place: string, logId: string, { base, next, records }: Run, isLacking: boolean = false): void {
    const size = this.#limits.segmentOffsets
    const bytes = records.reduce((sum, record) => sum + bytesOf(record), 0)
    const known = this.#of(place, logId)
    const isDense = isLacking || bytes > roomOf(this.#limits) / 2
    const last = this.#numberOf(next)
    const first = Math.max(Math.ceil(base / size), last - MAX_AT_ONCE, known.lacksFrom)
    this.#set(place, {
      ...known,
      isDense,
      lacksFrom: isDense ? Math.max(last, known.lacksFrom) : known.lacksFrom,
    })
    if (!isDense) return
    for (let number = first; number < last; number++) {
      const [from, to] = [number * size, (number + 1) * size]
      const own = records.filter(({ offset }) => offset >= from && offset < to)
      this.#unput.push({ place, logId, number, base: from, next: to, records: own })
    }
    this.#unput = this.#unput.slice(-MAX_AT_ONCE * 2)
  }

  /** Puts what is to be put. */
  async put(
    now: number,
    within: <T>(call: (signal: AbortSignal) => Promise<T>) => Promise<T>,
  ): Promise<void> {
    const segments = this.#unput
    this.#unput = []
    const how = { maxChars: this.#limits.segmentChars, ttlMs: TTL_MS, now }
    await Promise.allSettled(
      segments.map(({ place, logId, number, ...run }) =>
        within((signal) => this.#store.put(nameOf(place, logId, number), encodeSegment(run), how, signal)),
      ),
    )
  }

  /**
   * The records from `offset` on, as far as the store has segments in a row, at most to `until` and what its segment has beyond;
   * `undefined` where it has not the first.
   */
  async read(
    place: string,
    logId: string,
    offset: number,
    until: number,
    signal: AbortSignal,
  ): Promise<Run | undefined> {
    const first = this.#numberOf(offset)
    const count = Math.min(MAX_AT_ONCE, this.#numberOf(until - 1) - first + 1)
    const numbers = Array.from({ length: count }, (_, at) => first + at)
    const found = await Promise.all(numbers.map((number) => this.#find(place, logId, number, signal)))
    const records: ProvedRecord[] = []
    let next = offset
    for (const [at, run] of found.entries()) {
      if (run === undefined) {
        this.#lacks(place, logId, first + at)
        break
      }
      for (const record of run.records) if (record.offset >= offset) records.push(record)
      next = run.next
    }
    return next === offset ? undefined : { base: offset, next, records }
  }

  async #find(place: string, logId: string, number: number, signal: AbortSignal): Promise<Run | undefined> {
    const { segmentChars, segmentOffsets } = this.#limits
    const document = await this.#store.get(nameOf(place, logId, number), segmentChars, signal)
    if (document === undefined) return undefined
    return decodeSegment(document, number * segmentOffsets, (number + 1) * segmentOffsets)
  }

  #lacks(place: string, logId: string, number: number): void {
    const known = this.#of(place, logId)
    this.#set(place, { ...known, isDense: true, lacksFrom: Math.min(known.lacksFrom, number) })
  }

  #of(place: string, logId: string): Known {
    const known = this.#known.get(place)
    return known?.logId === logId ? known : { logId, lacksFrom: 0, isDense: false }
  }

  #set(place: string, known: Known): void {
    keep(this.#known, place, known)
  }

  #numberOf(offset: number): number {
    return Math.floor(offset / this.#limits.segmentOffsets)
  }
}

// The name of a log is a stranger's, and names are parts of addresses.
const nameOf = (place: string, logId: string, number: number): string =>
  `${place}/${encodeURIComponent(logId)}/${number}`
