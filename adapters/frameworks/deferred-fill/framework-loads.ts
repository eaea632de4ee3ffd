/** What a framework says of its own loads, as far as it does. @module */

/** Whether a load began before a moment, or after it. */
export type Began = 'before' | 'after' | 'unknown'

/** The loads of a framework, where it tells them apart. */
export interface Loads {
  /** Whether one of the key is under way. */
  isUnderWay(key: string): boolean
  /** Returns a function that answers later whether a load had begun by now. `via` is the cache that brings its value. */
  atNow(key: string): (load: object, via: object) => Began
}

/** Whose value is brought, as far as its framework says. */
export interface Origin {
  /** One of {@link Loads}, and who brings it. */
  readonly load?: { readonly of: object; readonly via: object } | undefined
  /**
   * Wall clock: when its framework began to load it, at the moment of its own read or later. A load that began before the
   * wait belongs to another read and is refused. Without `since` and `load`, the value counts as the waiting read's.
   */
  readonly since?: number | undefined
  /** How long before its read the framework may have taken that time. */
  readonly graceMs?: number
}

/** What is known of a framework. */
export interface DeferredFillOptions {
  readonly loads?: Loads
  /**
   * The longest that it takes from a read to the value. What takes longer may be held though it was evicted, where it
   * meets the wait of a later read. Of no concern where the framework tells its loads apart. @default 60_000
   */
  readonly maxLoadMs?: number
}
