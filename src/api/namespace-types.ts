/** A namespace as a user of the cache holds it. @module */
import type { Token } from '../wire/token.ts'
import type { Loader, LoadOptions, ManyLoader } from './load-types.ts'
import type { Entry, ReadOptions, RequestContext, ScopeOptions } from './read-types.ts'
import type { DeleteOptions, SetOptions, WriteOptions } from './write-types.ts'

/** A part of the cache with keys of its own: one kind of value. */
export interface Namespace<T> {
  readonly name: string
  /** This namespace within one request. */
  for(context: RequestContext, options?: ScopeOptions): Namespace<T>
  /**
   * The value if it is held and **proved** fresh this moment; never waits. The clock is read once per
   * synchronous turn.
   */
  peek(key: string): T | undefined
  get(key: string, options?: ReadOptions): Promise<T | undefined>
  /** Keys without a value are left out. */
  getMany(keys: readonly string[], options?: ReadOptions): Promise<Map<string, T>>
  /**
   * The value if it is held, else what the loader brings. Rejects with what the loader threw, untouched; with
   * `ERR_CODEC` where it brought what cannot outlive a request: a `Response`, a stream, a stub, a promise, a
   * function. Every reader gets the same object, not a copy: a reader that changes it changes it for all
   * readers of the isolate. `freeze: true` makes that a `TypeError`.
   */
  getOrSet(key: string, loader: Loader<T>, options?: LoadOptions<T>): Promise<T>
  /** One call of the loader for all keys that are missing; keys that it leaves out are left out. */
  getOrSetMany(
    keys: readonly string[],
    loader: ManyLoader<T>,
    options?: LoadOptions<T>,
  ): Promise<Map<string, T>>
  /** Like `get` or `getOrSet`, with what is known about the value. */
  getEntry(key: string, loader?: Loader<T>, options?: LoadOptions<T>): Promise<Entry<T>>
  /**
   * Evicts the key everywhere, then holds the value. For values whose truth is the log itself: two services that
   * write a row and then `set` it may reach the log in the other order than the database. For a row that has a
   * source, `delete` it, or give `version`.
   */
  set(key: string, value: T, options?: SetOptions<T>): Promise<Token>
  /** Evicts one or many keys, everywhere. Call it after the commit. */
  delete(keys: string | readonly string[], options?: DeleteOptions): Promise<Token>
  invalidateTags(tags: string | readonly string[], options?: WriteOptions): Promise<Token>
  invalidatePrefix(prefix: string, options?: WriteOptions): Promise<Token>
  /** Evicts the whole namespace, everywhere. */
  clear(options?: WriteOptions): Promise<Token>
}
