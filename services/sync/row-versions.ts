/**
 * The order of kedge's own messages of a key.
 *
 * As-of decides, as everywhere in kedge; but between two values with a row version the higher version
 * decides, because two writers may reach the log in another order than the database. They do so close
 * together, so that it is enough to remember the rows of the last messages; their number is bounded (decision 49).
 *
 * @module
 */
import QuickLRU from 'quick-lru'
import type { SinkVersion } from '../../src/ports/sink.ts'

/** Rows that are remembered at least; at most twice as many. */
const MAX_ROWS = 10_000

interface Row {
  readonly version: number
  readonly asOf: number
}

export class RowVersions {
  readonly #rows = new QuickLRU<string, Row>({ maxSize: MAX_ROWS })

  /** The version of a message of this key, or `undefined` when a message with a newer row came before. */
  order(id: string, asOf: number, row: number | undefined, offset: number): SinkVersion | undefined {
    const known = this.#rows.get(id)
    if (row === undefined) {
      // The message has no row version: from here on as-of counts again.
      if (known !== undefined && asOf >= known.asOf) this.#rows.delete(id)
      return [asOf, offset]
    }
    if (known !== undefined && row < known.version) return undefined
    // Above the version that an older row has left in the store.
    const major = Math.max(asOf, known?.asOf ?? 0)
    this.#rows.set(id, { version: row, asOf: major })
    return [major, offset]
  }

  /** Forgets the rows, before records are read again from an earlier position. */
  forget(): void {
    this.#rows.clear()
  }
}
