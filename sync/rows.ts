/**
 * The order of kedge's own messages of a key.
 *
 * As-of decides, as everywhere in kedge; but of two values that carry the version of their row, the higher version
 * does, and two writers may reach the log in the other order than the database. They do so close together, so that
 * remembering the rows that were seen last is enough; what is remembered is bounded, and costs no more than that.
 *
 * @module
 */
import type { SinkVersion } from '../src/sink.ts'

const MAX_ROWS = 10_000

interface Row {
  readonly version: number
  readonly asOf: number
}

export class Rows {
  readonly #rows = new Map<string, Row>()

  /** The version of a message of this key, or `undefined` when a newer row has been seen already. */
  order(id: string, asOf: number, row: number | undefined, offset: number): SinkVersion | undefined {
    const known = this.#rows.get(id)
    if (row === undefined) {
      // It says nothing of rows: from here on as-of counts again.
      if (known !== undefined && asOf >= known.asOf) this.#rows.delete(id)
      return [asOf, offset]
    }
    if (known !== undefined && row < known.version) return undefined
    // Above what an older row has left in the store.
    const major = Math.max(asOf, known?.asOf ?? 0)
    this.#rows.delete(id)
    this.#rows.set(id, { version: row, asOf: major })
    if (this.#rows.size > MAX_ROWS)
      for (const oldest of this.#rows.keys()) {
        this.#rows.delete(oldest)
        break
      }
    return [major, offset]
  }

  /** For reading again from an earlier position. */
  forget(): void {
    this.#rows.clear()
  }
}
