/**
 * Writes of one namespace: first the log, then, at the offset it gave, here.
 *
 * @module
 */
import { applyEviction } from './coherence.ts'
import type { Flights } from './flight.ts'
import type { Candidate, Ground, Keyspace } from './keyspace.ts'
import type { Lifespan } from './lifespan.ts'
import { tagsOf, ttlOf } from './lifetime.ts'
import { checkId, readEviction } from './messages.ts'
import { tokenOf } from './publisher.ts'
import type { EvictBody, Published, Publisher } from './publisher.ts'
import type { Scope } from './scope.ts'
import { checkWriteOptions } from './settings.ts'
import type { Token } from './token.ts'
import type { DeleteOptions, SetOptions, WriteOptions } from './types.ts'

/** What a write may have meant, should its fate stay unknown. */
export interface Meant {
  held(key: string, tags: readonly string[] | undefined): boolean
  /** What tags a load under way will bring is not known yet. */
  loading(key: string): boolean
}

const EVERYTHING: Meant = { held: () => true, loading: () => true }
const keysThat = (matches: (key: string) => boolean): Meant => ({ held: matches, loading: matches })

export class Writer<T> {
  readonly #space: Keyspace<T>
  readonly #flights: Flights<T>
  readonly #publisher: Publisher
  readonly #ground: Ground
  readonly #lifespan: Lifespan

  constructor(
    space: Keyspace<T>,
    flights: Flights<T>,
    publisher: Publisher,
    ground: Ground,
    lifespan: Lifespan,
  ) {
    this.#space = space
    this.#flights = flights
    this.#publisher = publisher
    this.#ground = ground
    this.#lifespan = lifespan
  }

  /** Evicts the key, then holds the value as of right after that eviction. */
  async set(key: string, value: T, options: SetOptions<T> | undefined, scope: Scope): Promise<Token> {
    checkWriteOptions(options, 'set')
    checkId(key, 'key')
    if (value === undefined) throw new TypeError('`undefined` is no value; use `null`, or `delete`')
    const { settings, partition } = this.#space
    const { ttl = settings.load.ttl as SetOptions<T>['ttl'], version, signal } = options ?? {}
    const ttlMs = ttlOf(value, { ttl: ttl as never, jitter: 0 }, 0)
    const { generation } = partition
    const loadedAt = this.#ground.timeline.now()
    const tags = tagsOf(value, { tags: options?.tags ?? settings.load.tags })
    const published = await this.#evict(
      [{ keys: [key], version }],
      keysThat((other) => other === key),
      scope,
      signal,
    )
    const asOf = published[0]!.offset + 1
    const candidate: Candidate<T> = {
      value,
      asOf,
      generation,
      loadedAt,
      ttlMs,
      keepMs: 0,
      tags,
      version,
      settleMs: 0,
    }
    this.#space.hold(key, candidate)
    // Awaited, because the truth of a value that is `set` is the log: it must not be lost unnoticed.
    if (settings.share && ttlMs > 0) await this.#publisher.update(this.#space, key, candidate, signal)
    return tokenOf(published)
  }

  async delete(
    keys: string | readonly string[],
    options: DeleteOptions | undefined,
    scope: Scope,
  ): Promise<Token> {
    checkWriteOptions(options, 'delete')
    const ids = idsOf(keys, 'key')
    const meant = new Set(ids)
    const body: EvictBody = { keys: ids, version: options?.version }
    const published = await this.#evict(
      [body],
      keysThat((key) => meant.has(key)),
      scope,
      options?.signal,
    )
    if (this.#space.settings.share && options?.version === undefined) {
      const asOf = Math.max(...published.map(({ offset }) => offset + 1))
      this.#publisher.unshare(this.#space.name, ids, asOf, scope)
    }
    return tokenOf(published)
  }

  async invalidateTags(
    tags: string | readonly string[],
    options: WriteOptions | undefined,
    scope: Scope,
  ): Promise<Token> {
    checkWriteOptions(options, 'evict')
    const ids = idsOf(tags, 'tag')
    const held: Meant['held'] = (_, carried) => carried?.some((tag) => ids.includes(tag)) ?? false
    return tokenOf(await this.#evict([{ tags: ids }], { held, loading: () => true }, scope, options?.signal))
  }

  async invalidatePrefix(prefix: string, options: WriteOptions | undefined, scope: Scope): Promise<Token> {
    checkWriteOptions(options, 'evict')
    checkId(prefix, 'prefix')
    const meant = keysThat((key) => key.startsWith(prefix))
    return tokenOf(await this.#evict([{ prefixes: [prefix] }], meant, scope, options?.signal))
  }

  async clear(options: WriteOptions | undefined, scope: Scope): Promise<Token> {
    checkWriteOptions(options, 'evict')
    this.#lifespan.check()
    const { name, partition } = this.#space
    const published = await this.#land(
      this.#publisher.clear(name, [partition.id], options?.signal),
      EVERYTHING,
      scope,
    )
    return tokenOf(published)
  }

  #evict(
    bodies: readonly EvictBody[],
    meant: Meant,
    scope: Scope,
    signal: AbortSignal | undefined,
  ): Promise<readonly Published[]> {
    const { name, partition } = this.#space
    this.#lifespan.check()
    return this.#land(this.#publisher.evict(name, partition.id, bodies, signal), meant, scope)
  }

  async #land(
    write: Promise<readonly Published[]>,
    meant: Meant,
    scope: Scope,
  ): Promise<readonly Published[]> {
    const { generation } = this.#space.partition
    // Even when the caller's request ends, the write should get its answer.
    scope.waitUntil(write.catch(() => undefined))
    try {
      const published = await write
      this.apply(published, generation)
      scope.wrote(tokenOf(published))
      return published
    } catch (error) {
      this.doubt(meant)
      throw error
    }
  }

  /** Applies evictions of our own here, ahead of the log. */
  apply(published: readonly Published[], generation: number): void {
    const { partition } = this.#space
    for (const { message, offset, partition: id } of published) {
      if (id !== partition.id) continue
      applyEviction(
        [this.#space],
        readEviction(message, undefined, () => false),
        offset,
      )
      if (partition.generation === generation) partition.reaches(offset + 1)
    }
  }

  /**
   * After a write whose fate is unknown: whatever it may have meant is dropped here, and loads under way are not
   * kept.
   */
  doubt(meant: Meant = EVERYTHING): void {
    this.#space.doubt((key, tags) => meant.held(key, tags))
    this.#flights.doom((key) => meant.loading(key))
  }
}

function idsOf(ids: string | readonly string[], what: 'key' | 'tag'): readonly string[] {
  const list = [...new Set(typeof ids === 'string' ? [ids] : ids)]
  if (list.length === 0) throw new TypeError(`at least one ${what} is needed`)
  for (const id of list) checkId(id, what)
  return list
}
