/**
 * How many evictions all namespaces of a cache remember together. Their names and keys may be those of strangers: a thousand
 * namespaces that each remember as many as they may would take gigabytes.
 *
 * @module
 */

/** What one namespace remembers. */
interface Remembers {
  /** Marks of keys, tags and prefixes. */
  readonly size: number
  /** Forgets the older half of its keys, or its groups: its horizon rises above them. */
  forget(what: 'keys' | 'groups'): void
}

/** As many as so many namespaces remember that are full. */
const FULL_NAMESPACES = 16
/** More than there are namespaces: the last mark of each is never forgotten. */
const LEAST = 4096

export class MarkLimit {
  readonly tables: Set<Remembers> = new Set()
  readonly #max: number
  /** Never fewer than there are. */
  #count = 0

  /** @param perNamespace how many keys one of them remembers */
  constructor(perNamespace: number, max: number = Math.max(LEAST, FULL_NAMESPACES * perNamespace)) {
    this.#max = max
  }

  /** One more is remembered. Where they are too many, each namespace forgets: none has to be looked for. */
  added(): void {
    if (++this.#count <= this.#max) return
    for (const what of ['keys', 'groups'] as const)
      // What namespaces forgot by themselves counts until here.
      if (this.#counted() > this.#max / 2) for (const table of this.tables) table.forget(what)
    this.#counted()
  }

  #counted(): number {
    this.#count = 0
    for (const { size } of this.tables) this.#count += size
    return this.#count
  }
}
