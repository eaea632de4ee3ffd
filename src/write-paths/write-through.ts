/**
 * Write-through: the source's commit between an intent and an eviction.
 *
 * The intent is in the log before the store is called, and the store is given less time than the intent
 * lasts. So an isolate that has read the intent holds nothing that it loaded while the commit may have
 * happened without its eviction.
 *
 * @module
 */
import { eitherSignal } from '../runtime/abort.ts'
import { settledWithin } from '../runtime/deadline.ts'
import { durationMs } from '../runtime/duration.ts'
import { randomId } from '../runtime/random-id.ts'
import { KedgeError } from '../ports/errors.ts'
import { checkHoldable } from '../wire/holdable.ts'
import type { Candidate } from '../coherence/candidate.ts'
import { tagsOf, ttlOf } from '../coherence/ttl-and-tags.ts'
import { checkId } from '../wire/ids.ts'
import type { RequestScope } from '../coherence/request-scope.ts'
import type { Lifetime } from '../api/load-types.ts'
import type { Namespace } from '../api/namespace-types.ts'
import { must } from '../api/must.ts'
import { checkFeatureOptions } from '../api/option-check.ts'
import { durationOrCallback, durationOrFalse, signal as signalOption, texts } from '../api/option-tests.ts'
import { partsOf } from '../write/namespace-parts.ts'
import type { NamespaceParts } from '../write/namespace-parts.ts'
import { intend } from './intend.ts'
import type { Token } from '../wire/token.ts'
import type { Duration } from '../runtime/duration.ts'
import { keysThat, type AffectedKeys } from '../write/affected-keys.ts'
import type { AcknowledgedWrite } from '../write/writer.ts'
import { ttlOver } from '../api/lifetime-options.ts'

/** What a store is given. */
export interface StoreContext {
  readonly key: string
  /**
   * Aborted while there is time left to give the write up. If the store commits all the same, after the
   * intent's time is over, isolates may hold a value that is older than the commit.
   */
  readonly signal: AbortSignal
}

/** Commits a value at its source. May return the version of the row that it made (row version, LSN). */
export type StoreWrite<V> = (
  value: V,
  context: StoreContext,
) =>
  | void
  | { readonly version?: number | undefined }
  | Promise<void | { readonly version?: number | undefined }>

/** The options of `writeThrough()`. */
export interface WriteThroughOptions<T> extends Pick<Lifetime<T>, 'ttl'> {
  /**
   * How long the write may take, from its announcement to the commit: at most `'60s'`, and `max` of
   * `writeIntents()`. `false` announces nothing: one request less, and a crash after the commit is covered by the TTL alone.
   * @default '10s'
   */
  readonly intent?: Duration | false
  readonly tags?: readonly string[]
  /** Aborts the store's signal. Once the store may have committed, the cache evicts the key even so. */
  readonly signal?: AbortSignal
}

const DEFAULT_INTENT = '10s'
const MAX_WRITE_THROUGH_MS = 60_000
/** The part of its time after which a store is asked to give up; the rest is for doing so. */
const STORE_TIME_FRACTION = 0.8

/** How a store ended. */
type Ending =
  | { readonly state: 'committed'; readonly version: number | undefined }
  /** The store failed, but may have committed. */
  | { readonly state: 'failed'; readonly error: unknown }
  /** It has not ended yet. */
  | { readonly state: 'running'; readonly work: Promise<unknown> }

/** One write, as its steps pass it on. */
interface Write<V> {
  readonly key: string
  readonly value: V
  readonly meant: AffectedKeys
  readonly startedAt: number
  /** How long the store may take, from `startedAt`. */
  readonly limitMs: number
  /** Of the intent; `undefined` where none was written. */
  readonly id: string | undefined
  readonly scope: RequestScope
  readonly signal: AbortSignal | undefined
}

/** Where the log stood before the commit. */
type Before = Pick<Candidate<never>, 'asOf' | 'generation'>

/**
 * Writes a row at its source, and evicts the key everywhere: announces the write, lets `store` commit it, evicts. A
 * writer that dies in between does no harm: readers hold nothing that they load beside the announced write. Needs
 * `writeIntents()` in the cache, also where it is read; or `intent: false`.
 *
 * The value itself is held and shared only when `store` returns a `version`: two writers may reach the log in the other
 * order than the source. `undefined` stands for a row that `store` deletes.
 *
 * Rejects with what `store` threw, untouched, after the key was evicted all the same.
 *
 * @throws TypeError where an intent is needed and the cache does not use `writeIntents()` for the namespace.
 * @throws KedgeError `ERR_STORE_TIMEOUT` when `store` did not end in time; `ERR_PUBLISH` when the intent (then nothing was
 * stored) or the eviction after the commit was not acknowledged.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { memory } from 'kedge/testing'
 * import { writeIntents, writeThrough } from 'kedge/write-paths'
 *
 * const rows = new Map<string, { name: string }>()
 * const cache = createCache({ kafka: memory(), use: [writeIntents({ max: '60s' })] })
 * const users = cache.namespace<{ name: string }>('users')
 * await writeThrough(users, '7', { name: 'Ada' }, (row, { key }) => void rows.set(key, row))
 * ```
 */
export async function writeThrough<T, V extends T | undefined>(
  namespace: Namespace<T>,
  key: string,
  value: V,
  store: StoreWrite<V>,
  options: WriteThroughOptions<T> = {},
): Promise<Token> {
  const { parts, scope } = partsOf(namespace)
  return new WriteThrough(parts).write(key, value, store, options, scope)
}

class WriteThrough<T> {
  readonly #space: NamespaceParts<T>['space']
  readonly #parts: NamespaceParts<T>

  constructor(parts: NamespaceParts<T>) {
    this.#space = parts.space
    this.#parts = parts
  }

  async write<V extends T | undefined>(
    key: string,
    value: V,
    store: StoreWrite<V>,
    options: WriteThroughOptions<T>,
    scope: RequestScope,
  ): Promise<Token> {
    const known = { ttl: durationOrCallback, tags: texts, signal: signalOption, intent: durationOrFalse }
    checkFeatureOptions(known, options, 'writeThrough')
    must(typeof store === 'function', '`store`: must be a function')
    checkId(key, 'key')
    const { lifecycle, shared } = this.#parts.context
    lifecycle.check()
    options.signal?.throwIfAborted()
    const { maxMs: intentsMs } = this.#space.intents
    const { load } = this.#space.settings
    const intentMs = intentOf(options.intent, intentsMs)
    const ttl = ttlOver(options.ttl, load.ttl)
    const place = this.#space.place(key)
    checkHoldable(value, place.namespace, key)
    const ttlMs = value === undefined ? 0 : ttlOf(value, { ttl, jitter: 0 }, 0, place)
    const tags = value === undefined ? undefined : tagsOf(value, { tags: options.tags ?? load.tags }, place)
    // By both clocks: time may seem to pass too fast here, never too slowly. Where they step back it counts as over.
    const startedAt = shared.clock.now()
    const write: Write<V> = {
      key,
      value,
      meant: keysThat((other) => other === key),
      startedAt,
      limitMs: intentMs === 0 ? load.hardTimeoutMs : intentMs,
      id: intentMs === 0 ? undefined : randomId(shared.settings.runtime),
      scope,
      signal: options.signal,
    }
    const work = this.#run(write, store, (version) => ({
      value: value as T & V,
      loadedAt: startedAt,
      ttlMs,
      keepMs: 0,
      tags,
      version,
      settleMs: 0,
    }))
    // The request that began the write may end before it: the eviction of a committed row must still go out.
    scope.waitUntil(work.catch(() => undefined))
    return work
  }

  async #run<V extends T | undefined>(
    write: Write<V>,
    store: StoreWrite<V>,
    candidate: (version: number) => Omit<Candidate<T>, keyof Before>,
  ): Promise<Token> {
    const { order } = this.#parts.context.publisher
    const announce = () => this.#announce(write)
    // A value that the caller set before must not be held as later than what the store commits.
    const before = await order.evict(write.scope, this.#space.name, write.meant, write.signal, announce)
    const ending = await this.#store(write, store)
    if (ending.state === 'committed') {
      const { published, landed, token } = await this.#evict(write, ending.version)
      if (landed && ending.version !== undefined && write.value !== undefined) {
        // Use the as-of from ahead of the commit: a concurrent unversioned writer may have committed later,
        // and its eviction must kill this value. Our own eviction does not, because it carries the version
        // (decision 57).
        this.#keep(write, { ...candidate(ending.version), ...before }, published[0]!.offset)
      }
      return token
    }
    const evicted = this.#evict(write, undefined)
    if (ending.state === 'running') {
      // The store may still commit: evict the key once more when it ends.
      write.scope.waitUntil(ending.work.catch(() => undefined).then(() => this.#evict(write, undefined)))
      await evicted
      throw storeTimeout()
    }
    // Ignore an eviction that fails: the intent ends by itself.
    await evicted.catch(() => undefined)
    throw ending.error
  }

  /** Publishes the intent, and returns the position before the commit. Nothing was stored where that fails. */
  async #announce<V>({ key, id, limitMs, startedAt, meant, scope, signal }: Write<V>): Promise<Before> {
    const { partition, asOf, name } = this.#space
    const { generation } = partition
    if (id === undefined) return { asOf, generation }
    const { publisher, shared } = this.#parts.context
    const body = { keys: [key], id, ttl: limitMs }
    const { published, landed } = await this.#parts.writer.land(
      intend(publisher, name, partition.id, body, signal, scope),
      meant,
      scope,
    )
    const { clock } = shared
    if (clock.now() - startedAt < limitMs * STORE_TIME_FRACTION && startedAt >= clock.unknownBefore) {
      // A position of another log compares to nothing here.
      return { asOf: published[0]!.offset + 1, generation: landed ? generation : -1 }
    }
    throw new KedgeError('ERR_PUBLISH', 'the intent was acknowledged too late: nothing was stored', {
      retryable: true,
    })
  }

  #evict<V>({ key, id, meant, scope }: Write<V>, version: number | undefined): Promise<AcknowledgedWrite> {
    const closes = id === undefined ? undefined : [id]
    // Not ended by the caller's signal: something may have been committed.
    return this.#parts.writer.evictAtOnce({ keys: [key], version, closes }, meant, scope, undefined)
  }

  /** Lets the store commit, within its time. */
  async #store<V>(
    { key, value, startedAt, limitMs, signal }: Write<V>,
    store: StoreWrite<V>,
  ): Promise<Ending> {
    const { clock, settings } = this.#parts.context.shared
    const { runtime } = settings
    const asked = eitherSignal(signal)
    const leftMs = (part: number) => {
      const left = startedAt + limitMs * part - clock.now()
      return startedAt < clock.unknownBefore ? 0 : Math.max(0, left)
    }
    try {
      const work = (async () => store(value, { key, signal: asked.signal }))()
      if (!(await settledWithin(runtime, work, leftMs(STORE_TIME_FRACTION)))) asked.abort(storeTimeout())
      if (!(await settledWithin(runtime, work, leftMs(1)))) return { state: 'running', work }
      const version = (await work)?.version
      return { state: 'committed', version: Number.isSafeInteger(version) ? version : undefined }
    } catch (error) {
      return { state: 'failed', error }
    } finally {
      asked.done()
    }
  }

  /** Holds the value, and tells the features, which may share it. */
  #keep<V>({ key, scope }: Write<V>, candidate: Candidate<T>, offset: number): void {
    if (this.#space.hold(key, candidate) !== undefined) return
    const held = { values: new Map([[key, candidate]]), by: 'commit', offset, scope } as const
    scope.waitUntil(this.#parts.features.afterHold(this.#space, held))
  }
}

/** @throws TypeError quoting the option that is wrong. */
function intentOf(intent: Duration | false | undefined, intentsMs: number): number {
  if (intent === false) return 0
  const ms = durationMs(intent ?? DEFAULT_INTENT, 'intent')
  if (intentsMs === 0)
    throw new TypeError(
      '`intent` needs `writeIntents()` in `use` of the cache, for this namespace; else set it to `false`',
    )
  const most = Math.min(MAX_WRITE_THROUGH_MS, intentsMs)
  if (intent === undefined) return Math.min(ms, most)
  if (ms === 0 || ms > most) throw new TypeError(`\`intent\` must be longer than 0 and at most ${most} ms`)
  return ms
}

const storeTimeout = () =>
  new KedgeError(
    'ERR_STORE_TIMEOUT',
    'the store did not end in time: the write may have been committed, or may yet be',
  )
