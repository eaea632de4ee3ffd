/**
 * Writes of many values at once: one eviction for all of their keys, and few records for the values.
 *
 * @module
 */
import { asDecoded } from '../coherence/admission.ts'
import type { PutsMessage } from '../wire/messages.ts'
import type { Position } from '../ports/kafka-log.ts'
import { KedgeError } from '../ports/errors.ts'
import { checkHoldable } from '../wire/holdable.ts'
import type { Candidate } from '../coherence/candidate.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import { tagsOf, ttlOf } from '../coherence/ttl-and-tags.ts'
import { checkId, MAX_IDS } from '../wire/ids.ts'
import { ttlOver } from '../api/lifetime-options.ts'
import { tokenOf } from '../wire/token.ts'
import type { RequestScope } from '../coherence/request-scope.ts'
import { checkOptions } from '../api/option-schemas.ts'
import type { Token } from '../wire/token.ts'
import type { SetManyOptions } from '../api/write-types.ts'
import { keysThat } from './affected-keys.ts'
import type { Writer, WriterContext } from './writer.ts'

type Candidates<T> = ReadonlyMap<string, Candidate<T>>

export class SetManyWriter<T> {
  readonly #space: CoherentStore<T>
  readonly #writer: Writer<T>
  readonly #context: WriterContext

  constructor(space: CoherentStore<T>, writer: Writer<T>, context: WriterContext) {
    this.#space = space
    this.#writer = writer
    this.#context = context
  }

  /** Evicts the keys, then holds the values as of right after that eviction. */
  async set(
    entries: ReadonlyMap<string, T>,
    options: SetManyOptions<T> | undefined = {},
    scope: RequestScope,
  ): Promise<Token> {
    checkOptions(options, 'many')
    check(entries, options.domain)
    const { follower, lifecycle } = this.#context
    const { settings, partition } = this.#space
    const { signal, domain } = options
    lifecycle.check()
    // Before the first contact nothing may be held, and values that were set should be.
    if (!partition.hasPosition) await follower.sync(scope, signal)
    // What cannot be written must not evict either.
    const draft = this.#candidates(entries, options, Number.MAX_SAFE_INTEGER)
    if (settings.share) await this.#check(draft, domain)
    const keys = [...entries.keys()]
    const meant = keysThat((key) => entries.has(key))
    const { published, landed } = await this.#writer.evict([{ keys }], meant, scope, signal)
    // A position of another log compares to nothing here.
    if (!landed)
      throw new KedgeError(
        'ERR_PUBLISH',
        'the log was replaced while the values were written: write them again',
        {
          retryable: true,
        },
      )
    // The evictions of many keys may be several records: the as-of of the values lies past the last of them.
    const asOf = Math.max(...published.map(({ offset }) => offset)) + 1
    const values = new Map([...draft].map(([key, candidate]) => [key, { ...candidate, asOf }]))
    const standing = [...values].filter(
      ([key, value]) => this.#space.hold(key, value) !== 'superseded' && value.ttlMs > 0,
    )
    if (settings.tier && standing.length > 0) this.#context.tier?.put(this.#space, new Map(standing), scope)
    if (!settings.share || standing.length === 0) return tokenOf(published)
    const token = tokenOf(published, await this.#share(new Map(standing), domain, signal))
    scope.wrote(token)
    return token
  }

  #candidates(entries: ReadonlyMap<string, T>, options: SetManyOptions<T>, asOf: number): Candidates<T> {
    const { load, share } = this.#space.settings
    const { generation } = this.#space.partition
    const ttl = ttlOver(options.ttl, load.ttl)
    const loadedAt = this.#context.shared.clock.now()
    const candidates = new Map<string, Candidate<T>>()
    for (const [key, value] of entries) {
      const place = this.#space.place(key)
      checkHoldable(value, place.namespace, key)
      const ttlMs = ttlOf(value, { ttl, jitter: 0 }, 0, place)
      const tags = tagsOf(value, { tags: options.tags ?? load.tags }, place)
      const rest = { keepMs: 0, version: undefined, settleMs: 0 }
      const kept = share && ttlMs > 0 ? asDecoded(this.#context.shared, this.#space, key, value) : value
      candidates.set(key, { value: kept, asOf, generation, loadedAt, ttlMs, tags, ...rest })
    }
    return candidates
  }

  async #check(values: Candidates<T>, domain: string | undefined): Promise<void> {
    const { publisher } = this.#context
    if (domain !== undefined) return publisher.check(this.#message(values, domain))
    for (const [key, value] of values) await publisher.checkUpdate(this.#space, key, value)
  }

  async #share(
    values: Candidates<T>,
    domain: string | undefined,
    signal?: AbortSignal,
  ): Promise<readonly Position[]> {
    const { publisher } = this.#context
    if (domain !== undefined) return publisher.updateDomain(this.#message(values, domain), signal)
    // Together in few calls, because they are written in one turn.
    const written = [...values].map(([key, value]) => publisher.update(this.#space, key, value, signal))
    return (await Promise.all(written)).flat()
  }

  #message(values: Candidates<T>, domain: string): PutsMessage {
    const { settings, clock } = this.#context.shared
    const [{ asOf, loadedAt } = { asOf: 0, loadedAt: 0 }] = values.values()
    return {
      v: 1,
      op: 'puts',
      ns: this.#space.name,
      domain,
      values: [...values].map(([key, { value, ttlMs: ttl, tags }]) => ({ key, value, ttl, tags })),
      at: settings.runtime.now() - (clock.now() - loadedAt),
      asOf,
      log: this.#space.partition.logId,
    }
  }
}

function check(entries: ReadonlyMap<string, unknown>, domain: string | undefined): void {
  if (entries.size === 0 || entries.size > MAX_IDS)
    throw new TypeError(`setMany() takes 1 to ${MAX_IDS} entries, got ${entries.size}`)
  if (domain !== undefined) checkId(domain, 'domain')
  for (const [key, value] of entries) {
    checkId(key, 'key')
    if (value === undefined) throw new TypeError('`undefined` is not a value: use `null`, or `delete`')
  }
}
