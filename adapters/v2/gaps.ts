/**
 * Gaps that consumer instances tell of, as long as only one of them has.
 *
 * Where an instance must poll before it is placed, that poll may arrive once more when it has been, and take what the
 * next one should have returned. So what one instance passes over is believed when another one passes over the same.
 *
 * Each partition is judged by itself: one answer need not have records of the same partitions as the one before, and
 * while others go on, a gap would never be told twice together with the same of them.
 *
 * @module
 */
import type { LogRecord, Position } from '../../src/log.ts'
import { hasGap } from '../positions.ts'

/** Gaps remembered, each until the next instance has told of the same place: more than a read has partitions. */
const MAX_GAPS = 10_000

export class Gaps {
  /** By place: where the records after it began. */
  readonly #told = new Map<string, number>()

  /** Whether an instance before this one found the same records after each gap. What nobody has told yet is remembered. */
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
    // One that is told together with a new one is told again by the next instance.
    if (isConfirmed) for (const place of believed) this.#told.delete(place)
    return isConfirmed
  }

  #remember(place: string, start: number): void {
    this.#told.delete(place)
    if (this.#told.size >= MAX_GAPS) this.#told.delete(this.#told.keys().next().value ?? '')
    this.#told.set(place, start)
  }
}
