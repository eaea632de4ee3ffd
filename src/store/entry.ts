/**
 * A held value, and what is known of it.
 *
 * The store keeps all this in columns. An object of it is made where a value is put in, and where a read needs more than the
 * value; it does not change with the store.
 *
 * @module
 */

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

/** A held value, as it was at that moment. Times are whole milliseconds of the cache's clock. */
export interface StoredEntry<T> extends Provenance {
  readonly value: T
  readonly freshUntil: number
  /** A whole number. */
  readonly bytes: number
  /** When its load began. */
  readonly loadedAt: number
  /** How long past `freshUntil`, for `swr` and `staleIfError`. */
  readonly keepMs: number
  /** Its own; without them each read says how long past `freshUntil`. */
  readonly windows: Windows | undefined
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
  const { value, asOf, loadedAt, ttlMs, keepMs, windows, tags, version } = content
  return {
    value,
    freshUntil: Math.floor(loadedAt + ttlMs),
    asOf,
    bytes: Math.ceil(bytes),
    loadedAt: Math.floor(loadedAt),
    keepMs: Math.floor(keepMs),
    windows,
    tags,
    version,
  }
}

/** Whether both are of one held value. One that is equal in all this may be served in place of the other. */
export function isSame<T>(entry: StoredEntry<T> | undefined, other: StoredEntry<T>): boolean {
  return (
    entry?.value === other.value && entry.loadedAt === other.loadedAt && entry.freshUntil === other.freshUntil
  )
}
