/**
 * Gaps in the records of consumer instances, each kept until a second instance has shown the same gap.
 *
 * Where an instance must poll before it is placed, a proxy on the way may repeat that poll after the seek,
 * and the repeated poll takes the records that the next poll should return. So the reader takes a gap for one
 * of the log only when a second instance shows the same gap.
 *
 * The reader judges each partition by itself: two answers need not have records of the same partitions, and
 * while other partitions grow, no second answer would show the same gaps in all of them.
 *
 * @module
 */
import type { LogRecord, Position } from '../../../src/ports/kafka-log.ts'
import { hasGap } from '../rest/positions.ts'

/** Gaps remembered, each until another instance has read the same place: more than a read has partitions. */
const MAX_GAPS = 10_000

export class GapConfirmation {
  /** By place: where the records after it began. */
  readonly #told = new Map<string, number>()

  /** Whether an earlier instance found the same records after each gap. A gap that is new is remembered. */
  confirms(topic: string, positions: readonly Position[], records: readonly LogRecord[]): boolean {
    const found = new Map<number, LogRecord[]>()
    for (const record of records) {
      const own = found.get(record.partition)
      if (own) own.push(record)
      else found.set(record.partition, [record])
    }
    const believed: string[] = []
    let isConfirmed = true
    for (const position of positions) {
      const own = found.get(position.partition)
      const place = `${position.partition}-${position.offset} ${topic}`
      const start = own?.[0]?.offset
      if (own === undefined || start === undefined) continue
      if (!hasGap([position], own)) this.#told.delete(place)
      else if (this.#told.get(place) === start) believed.push(place)
      else {
        this.#remember(place, start)
        isConfirmed = false
      }
    }
    // A confirmed gap beside a new one stays: the reader drops this answer, and the next instance shows both.
    if (isConfirmed) for (const place of believed) this.#told.delete(place)
    return isConfirmed
  }

  #remember(place: string, start: number): void {
    this.#told.delete(place)
    if (this.#told.size >= MAX_GAPS) this.#told.delete(this.#told.keys().next().value ?? '')
    this.#told.set(place, start)
  }
}
