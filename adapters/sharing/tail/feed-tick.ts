/** What a tail has just sampled, as texts that all its sockets share. @module */
import { type Beat, beatText, recordsText } from './frames.ts'
import type { Proof, ProvedRecord } from './proof.ts'
import { bytesOf } from './window.ts'

/** The most of keys and values, in base64, in one frame (or one record). */
export const MAX_FRAME_BYTES: number = 2 ** 18

/** A frame, and where a client that has it goes on. */
export interface RecordsPart {
  readonly text: string
  readonly next: number
}

export class Tick {
  readonly beat: Beat
  /** It has every record in `[base, next)`. */
  readonly base: number
  readonly next: number
  readonly #records: readonly ProvedRecord[]
  readonly #parts = new Map<number, readonly RecordsPart[]>()
  #text: string | undefined

  constructor({ logId, life, at, beginning, end, base, next, records }: Proof) {
    this.beat = { logId, life, at, beginning, end }
    this.base = base
    this.next = next
    this.#records = records
  }

  get text(): string {
    return (this.#text ??= beatText(this.beat))
  }

  /** All from `from` on, which is not below `base`. */
  partsFrom(from: number): readonly RecordsPart[] {
    const parts = this.#parts.get(from) ?? partsOf(this.#records, from, this.next)
    this.#parts.set(from, parts)
    return parts
  }
}

/** The records of `[from, next)` in frames. There may be fewer than offsets, and others before `from`. */
export function partsOf(records: readonly ProvedRecord[], from: number, next: number): RecordsPart[] {
  const parts: RecordsPart[] = []
  let base = from
  let part: ProvedRecord[] = []
  let bytes = 0
  const cut = (to: number) => {
    parts.push({ text: recordsText({ base, next: to, records: part }), next: to })
    base = to
    part = []
    bytes = 0
  }
  for (const record of records) {
    if (record.offset < from) continue
    const more = bytesOf(record)
    if (part.length > 0 && bytes + more > MAX_FRAME_BYTES) cut(record.offset)
    part.push(record)
    bytes += more
  }
  cut(next)
  return parts
}
