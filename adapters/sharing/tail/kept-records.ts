/** The records that came with the last proof of a place, for the read that follows it. @module */
import { keep } from './places.ts'
import type { Proof, ProvedRecord } from './proof.ts'
import type { Run } from './segments.ts'
import { bytesOf } from './window.ts'

/** Not read yet, from `base` on. */
export interface Kept extends Run {
  readonly logId: string
  /** Where the log began when the proof was sampled. */
  readonly beginning: number
}

export class KeptRecords {
  readonly #kept = new Map<string, Kept>()

  set(place: string, { logId, beginning, base, next, records }: Proof): void {
    keep(this.#kept, place, { logId, beginning, base, next, records })
  }

  /** Those that begin after the offset, so that what is between is lacking; `undefined` where there are none. */
  after(place: string, offset: number): Kept | undefined {
    const kept = this.#kept.get(place)
    return kept && offset < kept.base ? kept : undefined
  }

  /** Puts what was lacking before those that are kept, unless there is a gap between or they are of another log, and takes of it. */
  join(place: string, logId: string, before: Run, offset: number, maxBytes: number): Taken {
    const kept = this.#kept.get(place)
    if (kept?.logId !== logId || before.base >= kept.base || before.next < kept.base)
      return cut(before, offset, maxBytes)
    const rest = kept.records.filter((record) => record.offset >= before.next)
    const next = Math.max(kept.next, before.next)
    this.#kept.set(place, { ...kept, base: before.base, next, records: [...before.records, ...rest] })
    return this.take(place, offset, maxBytes) ?? cut(before, offset, maxBytes)
  }

  /**
   * They are read once: a caller that reads again asks for what is there by then. As many as fit; the next read goes on with the rest.
   */
  take(place: string, offset: number, maxBytes: number): Taken | undefined {
    const kept = this.#kept.get(place)
    if (kept === undefined || offset < kept.base || offset >= kept.next) return undefined
    const taken = cut(kept, offset, maxBytes)
    if (taken.next === kept.next) this.#kept.delete(place)
    else this.#kept.set(place, { ...kept, base: taken.next })
    return taken
  }
}

/** Records, and the position after them. */
export interface Taken {
  readonly records: readonly ProvedRecord[]
  readonly next: number
}

/** The records from the offset on, as many as fit, but at least one. */
function cut({ records, next }: Run, offset: number, maxBytes: number): Taken {
  const found: ProvedRecord[] = []
  let bytes = 0
  for (const record of records) {
    if (record.offset < offset) continue
    bytes += bytesOf(record)
    if (bytes > maxBytes && found.length > 0) return { records: found, next: record.offset }
    found.push(record)
  }
  return { records: found, next }
}
