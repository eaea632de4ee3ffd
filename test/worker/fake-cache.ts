/**
 * A cache in memory with a log of its own: positions, tags and tokens are real, freshness is what a test says.
 * For tests of routes, which need to see what was asked of the cache and to decide what it answers.
 */
import { newCounters } from '../../src/api/stats.ts'
import { joinTokens, type Token } from '../../src/wire/token.ts'
import type { Cache, CacheScope, CacheStats, Freshness } from '../../src/api/cache-types.ts'
import type { Entry, RequestContext, ScopeOptions } from '../../src/api/read-types.ts'
import type { Loader, LoadOptions, ManyLoader } from '../../src/api/load-types.ts'
import type { Namespace } from '../../src/api/namespace-types.ts'
import type { SetOptions } from '../../src/api/write-types.ts'

interface Held {
  readonly value: unknown
  readonly tags: readonly string[]
}

const STATS: CacheStats = { ...newCounters(), entries: 0, bytes: 0 }

const unused = (): never => {
  throw new Error('not part of this fake')
}

export class FakeCache implements Cache {
  readonly held = new Map<string, Held>()
  /** Every write, in words. */
  readonly writes: string[] = []
  /** The options of every scope that was opened. */
  readonly scopes: (ScopeOptions | undefined)[] = []
  readonly contexts: RequestContext[] = []
  readonly declared: string[] = []
  readonly token = undefined
  /** What `getEntry` answers beside what it found. */
  entry: Partial<Entry<unknown>> = {}
  known: Freshness = { proved: true, ageMs: 12, lag: 0 }
  synced: Freshness | undefined
  /** Thrown by every write. */
  writeError: Error | undefined
  /** Thrown by every read. */
  readError: Error | undefined
  #end = 0

  for(context: RequestContext, options?: ScopeOptions): CacheScope {
    this.scopes.push(options)
    this.contexts.push(context)
    let token = options?.after
    const wrote = (written: Token) => {
      token = joinTokens(token, written)
    }
    return {
      get token() {
        return token
      },
      namespace: <T>(name: string) => this.#namespace<T>(name, wrote),
      clear: () => this.#write('clear', () => this.held.clear(), wrote),
      sync: () => Promise.resolve(this.synced ?? this.known),
      freshness: () => this.known,
    }
  }

  namespace<T>(name: string): Namespace<T> {
    this.declared.push(name)
    return this.#namespace<T>(name, () => undefined)
  }

  clear(): Promise<Token> {
    return unused()
  }
  sync(): Promise<Freshness> {
    return unused()
  }
  freshness(): Freshness {
    return this.known
  }
  follow(): Promise<void> {
    return unused()
  }
  stats(): CacheStats {
    return STATS
  }
  close(): Promise<void> {
    return Promise.resolve()
  }

  #write(what: string, apply: () => void, wrote: (token: Token) => void): Promise<Token> {
    if (this.writeError !== undefined) return Promise.reject(this.writeError)
    this.writes.push(what)
    apply()
    this.#end += 1
    const token: Token = `k1.0-${this.#end}`
    wrote(token)
    return Promise.resolve(token)
  }

  #namespace<T>(name: string, wrote: (token: Token) => void): Namespace<T> {
    const id = (key: string) => `${name}/${key}`
    const drop = (keys: readonly string[]) => {
      for (const key of keys) this.held.delete(id(key))
    }
    const dropWhere = (matches: (at: string, held: Held) => boolean) => {
      for (const [at, held] of this.held) if (matches(at, held)) this.held.delete(at)
    }
    const list = (items: string | readonly string[]): readonly string[] =>
      typeof items === 'string' ? [items] : items

    return {
      name,
      for: unused,
      peek: unused,
      get: unused,
      getOrSet: unused,
      getMany: async (keys) => {
        if (this.readError !== undefined) throw this.readError
        const found = new Map<string, T>()
        for (const key of keys) {
          const held = this.held.get(id(key))
          if (held) found.set(key, held.value as T)
        }
        return found
      },
      getOrSetMany: async (keys, loader: ManyLoader<T>, options: LoadOptions<T> = {}) => {
        const found = new Map<string, T>()
        const missing = keys.filter((key) => !this.held.has(id(key)))
        if (missing.length > 0) {
          const loaded = await loader(missing, { signal: new AbortController().signal })
          for (const [key, value] of loaded instanceof Map ? loaded : Object.entries(loaded)) {
            this.held.set(id(key as string), { value, tags: tagsOf(options, value as T) })
          }
        }
        for (const key of keys) {
          const held = this.held.get(id(key))
          if (held) found.set(key, held.value as T)
        }
        return found
      },
      getEntry: async (key: string, loader?: Loader<T>, options: LoadOptions<T> = {}) => {
        if (this.readError !== undefined) throw this.readError
        const base: Entry<T> = {
          state: 'miss',
          value: undefined,
          ageMs: 0,
          ttlMs: 0,
          cached: false,
          stored: false,
          bypassed: false,
        }
        const held = this.held.get(id(key))
        const said = this.entry as Partial<Entry<T>>
        if (held) {
          const value = held.value as T
          return { ...base, state: 'fresh', value, ageMs: 1500, ttlMs: 298_500, cached: true, ...said }
        }
        if (!loader) return { ...base, ...said }
        const signal = new AbortController().signal
        const value = await loader({ key, signal, stale: undefined })
        if (value === undefined) return { ...base, ...said }
        this.held.set(id(key), { value, tags: tagsOf(options, value) })
        return { ...base, state: 'fresh', value, ttlMs: 300_000, stored: true, ...said }
      },
      set: (key, value, options: SetOptions<T> = {}) => {
        const { ttl, tags = [], version } = options
        const what = `set ${id(key)} ${JSON.stringify({ value, ttl, tags, version })}`
        return this.#write(what, () => this.held.set(id(key), { value, tags }), wrote)
      },
      delete: (keys) => {
        const all = list(keys)
        return this.#write(`delete ${all.map(id).join(' ')}`, () => drop(all), wrote)
      },
      invalidateTags: (tags) => {
        const all = list(tags)
        const apply = () =>
          dropWhere((at, held) => at.startsWith(id('')) && held.tags.some((t) => all.includes(t)))
        return this.#write(`tags ${name} ${all.join(' ')}`, apply, wrote)
      },
      invalidatePrefix: (prefix) =>
        this.#write(`prefix ${id(prefix)}`, () => dropWhere((at) => at.startsWith(id(prefix))), wrote),
      clear: () => this.#write(`clear ${name}`, () => dropWhere((at) => at.startsWith(id(''))), wrote),
    }
  }
}

function tagsOf<T>({ tags = [] }: LoadOptions<T>, value: T): readonly string[] {
  return typeof tags === 'function' ? tags(value) : tags
}
