/**
 * A held value, and what is known of it.
 *
 * Of this there is one for each key, so its shape is chosen by weight: what few entries have is not in the usual
 * kind, times are whole numbers, because V8 boxes any other (16 bytes each), and what the store notes about an entry
 * shares one number with its size.
 *
 * @module
 */

/** The lowest bits of {@link StoredEntry.state}: how often it was read lately, 0 to 3. */
export const USES = 3
/** The bit of `state` that says in which queue of the store the entry is: the main one, not the small one. */
export const IN_MAIN = 4
/** The bit of `state` that marks the place of an entry that was deleted. */
export const GONE = 8
/** The bytes of the entry stand above these bits. */
const BYTES = 16

/** What decides whether a value is still good. */
export interface Provenance {
  readonly asOf: number
  readonly tags: readonly string[] | undefined
  readonly version: number | undefined
  /** The carrier of the value has applied every eviction below it to the value. */
  readonly knownTo?: number | undefined
}

/** How long past its TTL a value may be served, where it says so itself. In milliseconds. */
export interface Windows {
  readonly swrMs: number
  readonly staleIfErrorMs: number
}

/** A held value. Times are those of the cache's clock. */
export interface StoredEntry<T> extends Provenance {
  readonly value: T
  readonly freshUntil: number
  /** Raised each time the entry is found untouched by group evictions. */
  asOf: number
  readonly bytes: number
  /** When its load began. */
  readonly loadedAt: number
  /** Past `freshUntil`, for `swr` and `staleIfError`. */
  readonly keepUntil: number
  /** Its own; without them each read says how long past `freshUntil`. */
  readonly windows: Windows | undefined
  readonly tags: readonly string[] | undefined
  readonly version: number | undefined
  /** The store's own: uses, queue and bytes in one whole number. See {@link USES}. */
  state: number
}

/** What an entry is made of. */
export interface Content<T> extends Provenance {
  readonly value: T
  readonly loadedAt: number
  readonly ttlMs: number
  /** How long past its TTL it may be of use. */
  readonly keepMs: number
  readonly windows?: Windows | undefined
}

/** The entry that holds this. Fractions of a millisecond shorten its life, never lengthen it. */
export function storedEntry<T>(content: Content<T>, bytes: number): StoredEntry<T> {
  const { tags, version, keepMs, windows } = content
  const plain = tags === undefined && version === undefined && keepMs === 0 && windows === undefined
  return plain ? new PlainEntry(content, bytes) : new FullEntry(content, bytes)
}

class PlainEntry<T> implements StoredEntry<T> {
  readonly value: T
  readonly freshUntil: number
  asOf: number
  readonly loadedAt: number
  state: number

  constructor({ value, asOf, loadedAt, ttlMs }: Content<T>, bytes: number) {
    this.value = value
    this.freshUntil = Math.floor(loadedAt + ttlMs)
    // Whole already, but perhaps in a box: rounding takes it out.
    this.asOf = Math.floor(asOf)
    this.loadedAt = Math.floor(loadedAt)
    this.state = Math.ceil(bytes) * BYTES
  }

  get bytes(): number {
    // Divided, not shifted: a shift cuts at 32 bits.
    return Math.floor(this.state / BYTES)
  }

  get keepUntil(): number {
    return this.freshUntil
  }

  get windows(): Windows | undefined {
    return undefined
  }

  get tags(): readonly string[] | undefined {
    return undefined
  }

  get version(): number | undefined {
    return undefined
  }
}

class FullEntry<T> extends PlainEntry<T> {
  readonly #keepUntil: number
  readonly #windows: Windows | undefined
  readonly #tags: readonly string[] | undefined
  readonly #version: number | undefined

  constructor(content: Content<T>, bytes: number) {
    super(content, bytes)
    this.#keepUntil = Math.floor(this.freshUntil + content.keepMs)
    this.#windows = content.windows
    this.#tags = content.tags
    this.#version = content.version
  }

  override get keepUntil(): number {
    return this.#keepUntil
  }

  override get windows(): Windows | undefined {
    return this.#windows
  }

  override get tags(): readonly string[] | undefined {
    return this.#tags
  }

  override get version(): number | undefined {
    return this.#version
  }
}
