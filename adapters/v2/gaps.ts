/**
 * Gaps that consumer instances tell of, as long as only one of them has.
 *
 * Where an instance must poll before it is placed, that poll may arrive once more when it has been, and take what the
 * next one should have returned. So what one instance passes over is believed when another one passes over the same.
 *
 * @module
 */
import type { LogRecord, Position } from '../../src/log.ts'

/** Gaps remembered, each until the next instance has told of the same place. */
const MAX_GAPS = 256

export class Gaps {
  /** By place: where the records after it began. */
  readonly #told = new Map<string, string>()

  /** Whether the instance before this one found the same records next. If not, this one is remembered. */
  confirms(topic: string, positions: readonly Position[], records: readonly LogRecord[]): boolean {
    const place = `${positions.map(({ partition, offset }) => `${partition}-${offset}`).join()} ${topic}`
    const starts = new Map<number, number>()
    for (const { partition, offset } of records) if (!starts.has(partition)) starts.set(partition, offset)
    const found = [...starts].map((start) => start.join('-')).join()
    const before = this.#told.get(place)
    this.#told.delete(place)
    if (before === found) return true
    if (this.#told.size >= MAX_GAPS) this.#told.delete(this.#told.keys().next().value ?? '')
    this.#told.set(place, found)
    return false
  }
}
