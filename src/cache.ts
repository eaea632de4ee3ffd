/**
 * The cache: puts the parts together.
 *
 * @module
 */
import type { Cache, CacheScope, CacheStats, FollowOptions, Freshness } from './api/cache-types.ts'
import type { Namespace } from './api/namespace-types.ts'
import { checkOptions } from './api/option-schemas.ts'
import type { CacheOptions, NamespaceOptions } from './api/options.ts'
import type { ReadOptions, RequestContext, ScopeOptions } from './api/read-types.ts'
import { cacheSettings, namespaceSettings } from './api/settings.ts'
import { newCounters } from './api/stats.ts'
import type { WriteOptions } from './api/write-types.ts'
import type { CacheContext } from './coherence/cache-context.ts'
import type { CoherentStore } from './coherence/coherent-store.ts'
import { Follower } from './coherence/follower.ts'
import { MarkLimit } from './coherence/mark-limit.ts'
import { RequestScope } from './coherence/request-scope.ts'
import { checkWithout, openFeatures } from './extension.ts'
import { ScopedNamespace } from './namespace.ts'
import { Clock } from './runtime/clock.ts'
import { Lifecycle } from './runtime/lifecycle.ts'
import { randomId } from './runtime/random-id.ts'
import { Semaphore } from './runtime/semaphore.ts'
import { Budget } from './store/budget.ts'
import type { OpenFeature } from './read/core-hooks.ts'
import { NAMESPACE_PATTERN } from './wire/ids.ts'
import { SEVERAL_LOGS, tokenOf, type Token } from './wire/token.ts'
import { Publisher } from './write/publisher.ts'
import type { CacheParts } from './write/cache-parts.ts'
import { namespaceParts, partsOf, type NamespaceParts } from './write/namespace-parts.ts'
import type { WriterContext } from './write/writer.ts'

/** Namespaces of one cache. Their names may come from requests, so there is an end to them. */
const MAX_NAMESPACES = 1000

/**
 * Makes the cache of an isolate. Make one at module scope: nothing runs and nothing is asked of the platform
 * until it is used.
 *
 * @throws TypeError quoting the option that is wrong.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { gateway } from 'kedge/adapters/gateway'
 *
 * const cache = createCache({ kafka: gateway({ url: 'http://localhost:8082' }), ttl: '5m', maxStaleness: '2s' })
 * const users = cache.namespace<{ name: string }>('users')
 *
 * const user = await users.getOrSet('7', async () => ({ name: 'Ada' }))
 * const token = await users.delete('7')
 * ```
 */
export function createCache(options: CacheOptions): Cache {
  return new IsolateCache(options)
}

/** A cache with its parts at hand, for what stands on it within this package. */
export interface OpenCache extends Cache {
  readonly reading: WriterContext
  /** The parts of a namespace that was declared. */
  parts<T>(name: string): NamespaceParts<T>
}

/** @throws TypeError quoting the option that is wrong. */
export function openCache(options: CacheOptions): OpenCache {
  const cache = new IsolateCache(options)
  return Object.assign(cache, {
    reading: cache.internals.context,
    parts: <T>(name: string): NamespaceParts<T> => partsOf(cache.namespace<T>(name)).parts,
  })
}

class IsolateCache implements Cache {
  readonly #shared: CacheContext
  readonly #follower: Follower
  readonly #publisher: Publisher
  readonly #stores = new Map<string, CoherentStore<unknown>>()
  readonly #namespaces = new Map<string, NamespaceParts<unknown>>()
  readonly #features: OpenFeature[] = []
  /** Its parts, for functions of kedge that stand beside it. */
  readonly internals: CacheParts
  readonly #root: RequestScope
  readonly #lifecycle: Lifecycle

  constructor(options: CacheOptions) {
    const settings = cacheSettings(options)
    const { runtime } = settings
    const clock = new Clock(runtime, (backMs) => {
      for (const partition of this.#follower.partitions.values()) partition.forgetAges()
      settings.emit?.({ type: 'clock_back', backMs })
    })
    const counters = newCounters()
    const marks = new MarkLimit(settings.maxRememberedEvictions)
    this.#shared = { settings, clock, counters, budget: new Budget(settings), marks }
    // No proof of identity: it only tells our own announcements from those of other caches.
    const self = randomId(runtime)
    this.#publisher = new Publisher(this.#shared, self)
    this.#lifecycle = new Lifecycle(runtime)
    this.#follower = new Follower({ settings, clock, counters, self }, this.#features, this.#lifecycle)
    this.#root = new RequestScope(runtime, settings.emit)
    const failed = (error: unknown) => settings.emit?.({ type: 'background_error', error })
    const context: WriterContext = {
      failed,
      shared: this.#shared,
      follower: this.#follower,
      publisher: this.#publisher,
      slots: new Semaphore(settings.maxLoads, runtime, clock),
      bypassSlots: new Semaphore(settings.maxBypassLoads, runtime, clock),
      lifecycle: this.#lifecycle,
      features: this.#features,
    }
    this.internals = {
      runtime,
      failed,
      context,
      stores: this.#stores,
      root: this.#root,
      forget: (namespace) => {
        this.#stores.get(namespace)?.leave()
        this.#stores.delete(namespace)
        this.#namespaces.delete(namespace)
      },
      takesPart: (feature, namespace) =>
        this.#stores.get(namespace)?.settings.without.includes(feature) === false,
    }
    openFeatures(options.use, this.internals, this.#features)
  }

  get token(): Token | undefined {
    return undefined
  }

  namespace<T = unknown>(name: string, options?: NamespaceOptions<T>): Namespace<T> {
    return this.#namespaceIn(this.#root, name, options)
  }

  #namespaceIn<T>(scope: RequestScope, name: string, options?: NamespaceOptions<T>): Namespace<T> {
    let parts = this.#namespaces.get(name)
    if (parts !== undefined && options !== undefined)
      throw new TypeError(`namespace \`${name}\` is declared already`)
    parts ??= this.#declare<T>(name, options ?? {}) as unknown as NamespaceParts<unknown>
    return new ScopedNamespace(parts as unknown as NamespaceParts<T>, scope)
  }

  for(context: RequestContext, options?: ScopeOptions): CacheScope {
    const scope = this.#open(context, options)
    return {
      get token() {
        return scope.token
      },
      namespace: (name) => this.#namespaceIn(scope, name),
      clear: async (own) => this.#clear(scope, own),
      sync: async (own) => this.#sync(scope, own),
      freshness: () => this.freshness(),
    }
  }

  async clear(options?: WriteOptions): Promise<Token> {
    return this.#clear(this.#root, options)
  }

  #clear(scope: RequestScope, options: WriteOptions | undefined): Promise<Token> {
    return this.#publisher.deadline.call('evict', options, ({ signal }) => this.#clearBy(scope, signal))
  }

  async #clearBy(scope: RequestScope, signal: AbortSignal): Promise<Token> {
    this.#lifecycle.check()
    const partitions = Array.from({ length: this.#shared.settings.evictionPartitions }, (_, id) => id)
    const namespaces = [...this.#namespaces.values()]
    const then = namespaces.map(({ space: { partition } }) => [partition.generation, partition.asOf] as const)
    const write = this.#publisher.clearAll(scope, partitions, signal)
    scope.waitUntil(write.catch(() => undefined))
    try {
      const published = await write
      let log: string | undefined
      for (const [at, { writer, space }] of namespaces.entries())
        log =
          !writer.apply(published, ...then[at]!) || log === SEVERAL_LOGS ? SEVERAL_LOGS : space.partition.log
      // Declared meanwhile: what they hold may have been loaded before.
      for (const parts of this.#namespaces.values()) if (!namespaces.includes(parts)) parts.writer.doubt()
      const token = tokenOf(published, [], log)
      scope.wrote(token)
      return token
    } catch (error) {
      for (const { writer } of [...namespaces, ...this.#namespaces.values()]) writer.doubt()
      throw error
    }
  }

  async sync(options?: ReadOptions): Promise<Freshness> {
    return this.#sync(this.#root, options)
  }

  async #sync(scope: RequestScope, options: ReadOptions = {}): Promise<Freshness> {
    checkOptions(options, 'read')
    this.#lifecycle.check()
    const { next } = this.#follower
    await this.#follower.syncAll(scope, options.signal)
    const partitions = [...this.#follower.partitions.values()]
    const passed = () =>
      partitions.every((each) => each.hasPassed(scope.required(each.id, options.after), next))
    if (await this.#follower.reach(passed, scope, options.signal))
      for (const each of partitions) scope.release(each.id, (demand) => !each.hasApplied(demand))
    const freshness = this.#follower.freshness()
    return { ...freshness, proved: freshness.proved && passed() }
  }

  freshness(): Freshness {
    return this.#follower.freshness()
  }

  async follow({ signal }: FollowOptions): Promise<void> {
    this.#lifecycle.check()
    await this.#follower.follow(this.#root, signal)
  }

  stats(): CacheStats {
    const { counters, budget } = this.#shared
    const tierState = this.#features.find(({ hooks }) => hooks.state)?.hooks.state
    return { ...counters, entries: budget.entries, bytes: budget.bytes, tierState }
  }

  async close(): Promise<void> {
    if (this.#lifecycle.closed) return
    this.#lifecycle.close()
    for (const space of this.#stores.values()) space.close()
    const { log } = this.#shared.settings
    const closing = [log, ...this.#features.map(({ hooks }) => hooks)].map(async (each) => each.close?.())
    // One that fails leaves no other open.
    for (const ended of await Promise.allSettled(closing)) if (ended.status === 'rejected') throw ended.reason
  }

  #open(context: RequestContext, options: ScopeOptions = {}): RequestScope {
    checkOptions(options, 'scope')
    const { runtime, emit, evictionPartitions } = this.#shared.settings
    const { after, onRead } = options
    const scope = new RequestScope(runtime, emit, context, after, onRead, evictionPartitions)
    this.#follower.touch(scope, this.#shared.clock.now())
    return scope
  }

  #declare<T>(name: string, options: NamespaceOptions<T>): NamespaceParts<T> {
    if (!NAMESPACE_PATTERN.test(name))
      throw new TypeError(`\`${name}\` is not a namespace name: it must match ${NAMESPACE_PATTERN}`)
    if (this.#namespaces.size >= MAX_NAMESPACES)
      throw new TypeError(`a cache has at most ${MAX_NAMESPACES} namespaces: put what varies into the keys`)
    const settings = namespaceSettings(options, this.#shared.settings.namespace)
    checkWithout(settings.without, this.#features)
    const parts = namespaceParts<T>(name, settings, this.internals.context, (context, scopeOptions) =>
      this.#open(context, scopeOptions),
    )
    this.#stores.set(name, parts.space)
    this.#namespaces.set(name, parts as unknown as NamespaceParts<unknown>)
    return parts
  }
}
