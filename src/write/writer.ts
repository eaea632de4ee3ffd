/**
 * Writes of one namespace: first the log, then, at the offset it gave, here.
 *
 * @module
 */
import { applyEviction } from '../coherence/apply-eviction.ts'
import type { EvictionTarget } from '../coherence/partition.ts'
import type { Position } from '../ports/kafka-log.ts'
import type { Held } from '../api/feature.ts'
import type { RefuseReason } from '../api/reasons.ts'
import type { Candidate } from '../coherence/candidate.ts'
import type { Follower } from '../coherence/follower.ts'
import { checkHoldable } from '../wire/holdable.ts'
import type { CacheContext } from '../coherence/cache-context.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import type { Lifecycle } from '../runtime/lifecycle.ts'
import { tagsOf, ttlOf } from '../coherence/ttl-and-tags.ts'
import { readEviction } from '../wire/read-eviction.ts'
import { checkId } from '../wire/ids.ts'
import { SEVERAL_LOGS, tokenOf } from '../wire/token.ts'
import { EVERYTHING, keysThat } from './affected-keys.ts'
import type { AffectedKeys } from './affected-keys.ts'
import type { EvictBody } from './split-evictions.ts'
import type { Published, Publisher } from './publisher.ts'
import type { ReaderContext } from '../read/reader.ts'
import { isUnanswered } from './publish-deadline.ts'
import type { Bounded } from './publish-deadline.ts'
import { halfDone, replaced, superseded } from './write-errors.ts'
import type { RequestScope } from '../coherence/request-scope.ts'
import type { NamespaceFeatures } from '../read/namespace-features.ts'
import type { Token } from '../wire/token.ts'
import type { DeleteOptions, SetOptions, WriteOptions } from '../api/write-types.ts'
import { ttlOver } from '../api/lifetime-options.ts'

/** A write that was acknowledged, and whether its positions mean something here. */
export interface AcknowledgedWrite {
  readonly published: readonly Published[]
  readonly landed: boolean
  readonly token: Token
}

/** What the writes of all namespaces share. */
export interface WriterContext extends ReaderContext {
  readonly publisher: Publisher
}

export class Writer<T> {
  readonly #space: CoherentStore<T>
  readonly #publisher: Publisher
  readonly #shared: CacheContext
  readonly #lifecycle: Lifecycle
  readonly #follower: Follower
  readonly #features: NamespaceFeatures

  constructor(
    space: CoherentStore<T>,
    features: NamespaceFeatures,
    { publisher, follower, shared, lifecycle }: WriterContext,
  ) {
    this.#space = space
    this.#publisher = publisher
    this.#shared = shared
    this.#lifecycle = lifecycle
    this.#follower = follower
    this.#features = features
  }

  /** Evicts the key, then holds the value as of right after that eviction. */
  async set(key: string, value: T, options: Bounded<SetOptions<T>>, scope: RequestScope): Promise<Token> {
    checkId(key, 'key')
    if (value === undefined) throw new TypeError('`undefined` is not a value: use `null`, or `delete`')
    const place = this.#space.place(key)
    checkHoldable(value, place.namespace, key)
    const { settings, partition, name } = this.#space
    const { ttl, version, signal } = options
    const ttlMs = ttlOf(value, { ttl: ttlOver(ttl, settings.load.ttl), jitter: 0 }, 0, place)
    this.#lifecycle.check()
    const { order } = this.#publisher
    const { values, published, landed } = await order.set(scope, name, [key], signal, async (inOrder) => {
      // Before the first contact nothing may be held, and a value that was set should be.
      if (!partition.hasPosition) await this.#follower.sync(scope, signal)
      const { generation } = partition
      const loadedAt = this.#shared.clock.now()
      const tags = tagsOf(value, { tags: options.tags ?? settings.load.tags }, place)
      const rest = { asOf: Number.MAX_SAFE_INTEGER, keepMs: 0, settleMs: 0 }
      const draft = { value, generation, loadedAt, ttlMs, tags, version, ...rest }
      // What a feature cannot write must not evict either.
      const before = this.#features.beforeSet(this.#space, new Map([[key, draft]]), undefined, signal)
      const made = before instanceof Promise ? await before : before
      const meant = keysThat((other) => other === key)
      const publish = () => this.evictAtOnce({ keys: [key], version }, meant, scope, signal)
      return { values: made, ...(await inOrder(publish)) }
    })
    if (!landed) throw replaced()
    // A higher version may stand in what was written meanwhile and has not been read here.
    const offset = lastOf(published)
    const { generation } = partition
    if (version !== undefined) await this.#follower.reach(() => partition.known > offset, scope, signal)
    // The poll may have found another log: there the value would have the place of its eviction in the old one.
    if (partition.generation !== generation) throw replaced()
    return this.hold(values, published, undefined, scope, signal)
  }

  /**
   * Holds values that were written, as of right after their eviction, and tells the features. Resolves with the token.
   * Features are awaited, because the truth of a value that is set is the log: it must not be lost unnoticed.
   *
   * @param values what `beforeSet` made of the values
   */
  async hold(
    values: ReadonlyMap<string, Candidate<T>>,
    published: readonly Published[],
    domain: string | undefined,
    scope: RequestScope,
    signal: AbortSignal | undefined,
  ): Promise<Token> {
    // The evictions of many keys may be several records: the as-of of the values lies past the last of them.
    const offset = lastOf(published)
    const standing = new Map<string, Candidate<T>>()
    const refusals = new Map<string, RefuseReason>()
    for (const [key, draft] of values) {
      const candidate = { ...draft, asOf: offset + 1 }
      const refused = this.#space.hold(key, candidate)
      if (refused !== undefined) refusals.set(key, refused)
      const { version } = candidate
      const won = refused && version !== undefined ? this.#space.versionAbove(key, version) : undefined
      if (won !== undefined) throw superseded(version!, won)
      // The features get what is not held here, too; but a newer value is known of one that is superseded.
      if (refused !== 'superseded' && candidate.ttlMs > 0) standing.set(key, candidate)
    }
    const { log } = this.#space.partition
    const held = { values: standing, refused: refusals, by: 'set', offset, domain, scope, signal } as const
    const positions = standing.size === 0 ? [] : await this.#told(held)
    const token = tokenOf(published, positions, log)
    if (positions.length > 0) scope.wrote(token)
    return token
  }

  /** Tells the features what was set. */
  async #told(held: Held<T>): Promise<readonly Position[]> {
    try {
      return await this.#features.afterHold(this.#space, held)
    } catch (error) {
      throw isUnanswered(error) ? halfDone(error) : error
    }
  }

  async delete(
    keys: string | readonly string[],
    { version, signal }: Bounded<DeleteOptions>,
    scope: RequestScope,
  ): Promise<Token> {
    const ids = idsOf(keys, 'key')
    const meant = new Set(ids)
    const isMeant = keysThat((key) => meant.has(key))
    const { published, landed, token } = await this.evict({ keys: ids, version }, isMeant, scope, signal)
    if (version === undefined) {
      const evicted = { keys: ids, offset: lastOf(published), landed, scope, signal }
      if (!(await this.#features.afterEvict(this.#space, evicted)))
        this.#publisher.deadline.throwIfLeft(signal)
    }
    return token
  }

  async invalidateTags(
    tags: string | readonly string[],
    { signal }: Bounded<WriteOptions>,
    scope: RequestScope,
  ): Promise<Token> {
    const ids = idsOf(tags, 'tag')
    const held: AffectedKeys['held'] = (_, carried) => carried?.some((tag) => ids.includes(tag)) ?? false
    const meant = { held, loading: () => true }
    return (await this.evict({ tags: ids }, meant, scope, signal)).token
  }

  async invalidatePrefix(
    prefix: string,
    { signal }: Bounded<WriteOptions>,
    scope: RequestScope,
  ): Promise<Token> {
    checkId(prefix, 'prefix')
    const meant = keysThat((key) => key.startsWith(prefix))
    return (await this.evict({ prefixes: [prefix] }, meant, scope, signal)).token
  }

  async clear({ signal }: Bounded<WriteOptions>, scope: RequestScope): Promise<Token> {
    this.#lifecycle.check()
    const { name, partition } = this.#space
    const clear = () => this.#publisher.clear(name, [partition.id], signal, scope)
    const publish = () => this.land(clear(), EVERYTHING, scope)
    return (await this.#publisher.order.evict(scope, name, EVERYTHING, signal, publish)).token
  }

  /** Publishes evictions, after what the caller set before, and applies them here. */
  async evict(
    body: EvictBody,
    meant: AffectedKeys,
    scope: RequestScope,
    signal: AbortSignal | undefined,
  ): Promise<AcknowledgedWrite> {
    const publish = () => this.evictAtOnce(body, meant, scope, signal)
    return this.#publisher.order.evict(scope, this.#space.name, meant, signal, publish)
  }

  /** Publishes evictions, and applies them here. */
  evictAtOnce(
    body: EvictBody,
    meant: AffectedKeys,
    scope: RequestScope,
    signal: AbortSignal | undefined,
  ): Promise<AcknowledgedWrite> {
    const { name, partition } = this.#space
    this.#lifecycle.check()
    return this.land(this.#publisher.evict(name, partition.id, [body], signal, scope), meant, scope)
  }

  /** Waits for a write to the log, and applies it here. */
  async land(
    write: Promise<readonly Published[]>,
    meant: AffectedKeys,
    scope: RequestScope,
  ): Promise<AcknowledgedWrite> {
    const { partition } = this.#space
    const { generation, asOf } = partition
    // Even when the caller's request ends, the write should get its answer.
    scope.waitUntil(write.catch(() => undefined))
    try {
      const published = await write
      const landed = this.apply(published, generation, asOf)
      // Of which log it is then, only a poll can say.
      const token = tokenOf(published, [], landed ? partition.log : SEVERAL_LOGS)
      scope.wrote(token)
      return { published, landed, token }
    } catch (error) {
      this.doubt(meant)
      throw error
    }
  }

  /**
   * Applies evictions of our own here, ahead of the log.
   *
   * @param generation of the partition, when the write began
   * @param end of the partition, as far as it was known when the write began: in the same log the write stands behind it
   * @returns whether they could be
   */
  apply(published: readonly Published[], generation: number, end: number): boolean {
    const { partition } = this.#space
    const own = published.filter((each) => each.partition === partition.id)
    // The log was replaced meanwhile, or has been without our noticing: its offsets compare to nothing known here.
    const strange = own.some(({ offset }) => offset < end)
    if (strange) partition.unprove()
    if (strange || partition.generation !== generation) {
      this.doubt()
      return false
    }
    for (const { message, offset } of own) {
      const eviction = readEviction(message, undefined, () => false)
      applyEviction(this.#namesakes, eviction, offset)
      partition.wrote(offset)
    }
    return true
  }

  /**
   * After a write that was not acknowledged but may be in the log: drops the values that it may match, and
   * keeps no matching load under way (decision 17).
   */
  doubt(meant: AffectedKeys = EVERYTHING): void {
    for (const each of this.#namesakes) each.dropPossiblyEvicted(meant.held, meant.loading)
  }

  /** The namespace, and what has been declared by its name since it gave up its place. */
  get #namesakes(): ReadonlySet<EvictionTarget> {
    const { name, partition } = this.#space
    return new Set([this.#space, ...[...partition.targets].filter((each) => each.name === name)])
  }
}

const lastOf = (published: readonly Published[]): number => Math.max(...published.map(({ offset }) => offset))

function idsOf(ids: string | readonly string[], what: 'key' | 'tag'): readonly string[] {
  const list = [...new Set(typeof ids === 'string' ? [ids] : ids)]
  if (list.length === 0) throw new TypeError(`give at least one ${what}`)
  for (const id of list) checkId(id, what)
  return list
}
