/**
 * A namespace as its users hold it: the shortest way to a hit, and the way to everything else.
 *
 * @module
 */
import { entriesOf, inOrder } from './api/entries.ts'
import type { LoadContext, LoadManyContext, LoadOptions, Loader, ManyLoader } from './api/load-types.ts'
import type { Namespace } from './api/namespace-types.ts'
import type { Entry, ReadOptions, RequestContext, ScopeOptions } from './api/read-types.ts'
import type { DeleteOptions, SetOptions, WriteOptions } from './api/write-types.ts'
import { NO_HIT } from './coherence/candidate.ts'
import type { CoherentStore } from './coherence/coherent-store.ts'
import type { RequestScope } from './coherence/request-scope.ts'
import { SEEK } from './read/flight.ts'
import type { ReadCall, Seek } from './read/flight.ts'
import type { NamespaceParts, ScopedParts } from './write/namespace-parts.ts'
import type { Bounded } from './write/publish-deadline.ts'
import type { Writer } from './write/writer.ts'
import { SignalAlone } from './runtime/stop.ts'
import type { Token } from './wire/token.ts'

export class ScopedNamespace<T> implements Namespace<T> {
  readonly name: string
  readonly #parts: NamespaceParts<T>
  readonly #space: CoherentStore<T>
  readonly #scope: RequestScope
  readonly #requires: boolean
  /** A listener gets each of its reads: none takes the short way. */
  readonly #isWatched: boolean

  constructor(parts: NamespaceParts<T>, scope: RequestScope) {
    this.name = parts.space.name
    this.#parts = parts
    this.#space = parts.space
    this.#scope = scope
    this.#requires = scope.requires
    this.#isWatched = scope.isWatched
  }

  /** Its parts, for functions of kedge that stand beside it. */
  get internals(): ScopedParts<T> {
    return { parts: this.#parts, scope: this.#scope }
  }

  for(context: RequestContext, options?: ScopeOptions): Namespace<T> {
    return new ScopedNamespace(this.#parts, this.#parts.open(context, options))
  }

  peek(key: string): T | undefined {
    const value = this.#requires ? undefined : this.#space.peek(key)
    if (this.#isWatched && value !== undefined) this.#parts.reader.peeked(key, this.#scope)
    return value
  }

  // These two are not `async`: a hit then costs one promise and nothing else.
  get(key: string, options?: ReadOptions): Promise<T | undefined> {
    const value = this.#space.hit(key, this.#isPlain(options) ? undefined : NO_HIT)
    return value !== undefined ? Promise.resolve(value) : this.#value(key, null, options)
  }

  getOrSet(key: string, loader: Loader<T>, options?: LoadOptions<T>): Promise<T> {
    const value = this.#space.hit(key, this.#isPlain(options) ? undefined : NO_HIT)
    return value !== undefined ? Promise.resolve(value) : (this.#value(key, loader, options) as Promise<T>)
  }

  async getMany(keys: readonly string[], options?: ReadOptions): Promise<Map<string, T>> {
    return this.#many(keys, undefined, options)
  }

  async getOrSetMany(
    keys: readonly string[],
    loader: ManyLoader<T>,
    options?: LoadOptions<T>,
  ): Promise<Map<string, T>> {
    const many: ReadCall<T>['many'] = async (missing, context) =>
      entriesOf(await loader(missing, new SignalAlone(context)))
    return this.#many(keys, { many, seek: seekOf(loader) }, options)
  }

  async getEntry(key: string, loader?: Loader<T>, options?: LoadOptions<T>): Promise<Entry<T>> {
    this.#space.hit(key, NO_HIT)
    return this.#entry(key, loader && new KeyCall(loader, this.#space), options)
  }

  async set(key: string, value: T, options?: SetOptions<T>): Promise<Token> {
    return this.#write('set', options, (writer, bounded, scope) => writer.set(key, value, bounded, scope))
  }

  async delete(keys: string | readonly string[], options?: DeleteOptions): Promise<Token> {
    return this.#write('delete', options, (writer, bounded, scope) => writer.delete(keys, bounded, scope))
  }

  async invalidateTags(tags: string | readonly string[], options?: WriteOptions): Promise<Token> {
    return this.#write('evict', options, (writer, bounded, scope) =>
      writer.invalidateTags(tags, bounded, scope),
    )
  }

  async invalidatePrefix(prefix: string, options?: WriteOptions): Promise<Token> {
    return this.#write('evict', options, (writer, bounded, scope) =>
      writer.invalidatePrefix(prefix, bounded, scope),
    )
  }

  async clear(options?: WriteOptions): Promise<Token> {
    return this.#write('evict', options, (writer, bounded, scope) => writer.clear(bounded, scope))
  }

  /** A write of which these are the options, within its deadline. */
  #write<O extends WriteOptions>(
    call: 'set' | 'delete' | 'evict',
    options: O | undefined,
    work: (writer: Writer<T>, bounded: Bounded<O>, scope: RequestScope) => Promise<Token>,
  ): Promise<Token> {
    const { writer, context } = this.#parts
    return context.publisher.deadline.call(call, options, (bounded) => work(writer, bounded, this.#scope))
  }

  /** Whether nothing is asked beyond the value. */
  #isPlain(options: ReadOptions | undefined): boolean {
    if (this.#requires || this.#isWatched) return false
    return options?.after === undefined && options?.signal === undefined
  }

  #value(key: string, loader: Loader<T> | null, options: LoadOptions<T> | undefined): Promise<T | undefined> {
    const call = loader === null ? undefined : new KeyCall(loader, this.#space)
    return this.#isWatched
      ? this.#entry(key, call, options).then(valueOf)
      : this.#parts.reader.read(key, call, options, this.#scope, valueOf)
  }

  async #entry(
    key: string,
    call: ReadCall<T> | undefined,
    options: LoadOptions<T> | undefined,
  ): Promise<Entry<T>> {
    const { reader } = this.#parts
    const read = reader.read(key, call, options, this.#scope, whole)
    return this.#isWatched ? reader.watched(key, read, call, this.#scope) : read
  }

  async #many(
    keys: readonly string[],
    call: ReadCall<T> | undefined,
    options: LoadOptions<T> | undefined,
  ): Promise<Map<string, T>> {
    const { manyReader } = this.#parts
    if (!this.#isPlain(options)) return manyReader.read(keys, call, options, this.#scope)
    const found = new Map<string, T>()
    const missing: string[] = []
    for (const key of keys) {
      if (found.has(key)) continue
      const value = this.#space.hit(key)
      if (value !== undefined) found.set(key, value)
      else missing.push(key)
    }
    if (missing.length === 0) return found
    const rest = await manyReader.read(missing, call, options, this.#scope)
    if (found.size === 0) return rest
    for (const [key, value] of rest) found.set(key, value)
    // In the order asked for.
    return inOrder(keys, found)
  }
}

/** What the loader of a key is given. */
class KeyContext<T> implements LoadContext<T> {
  readonly key: string
  readonly stale: T | undefined
  readonly #context: LoadManyContext

  constructor(key: string, stale: T | undefined, context: LoadManyContext) {
    this.key = key
    this.stale = stale
    this.#context = context
  }

  get signal(): AbortSignal {
    return this.#context.signal
  }
}

/** The call of a loader of one key. */
class KeyCall<T> implements ReadCall<T> {
  readonly #loader: Loader<T>
  readonly #space: CoherentStore<T>

  constructor(loader: Loader<T>, space: CoherentStore<T>) {
    this.#loader = loader
    this.#space = space
  }

  get seek(): Seek | undefined {
    return seekOf(this.#loader)
  }

  one(key: string, context: LoadManyContext): T | Promise<T> {
    return this.#loader(new KeyContext(key, this.#space.expired(key), context))
  }

  get many(): ReadCall<T>['many'] {
    return async (keys, context) => {
      const key = keys[0]!
      const value = await this.one(key, context)
      return new Map(value === undefined ? [] : [[key, value]])
    }
  }
}

/** How a loader looks for values elsewhere first, where it does. @throws TypeError for what is no loader */
function seekOf(loader: object): Seek | undefined {
  if (typeof loader !== 'function') throw new TypeError('`loader` must be a function')
  return (loader as { readonly [SEEK]?: Seek })[SEEK]
}

const valueOf = <T>({ value }: Entry<T>): T | undefined => value
const whole = <T>(entry: Entry<T>): Entry<T> => entry
