/**
 * Writes of many values at once: one eviction for all of their keys, and few records for the values.
 *
 * @module
 */
import { entriesOf } from '../api/entries.ts'
import { ttlOver } from '../api/lifetime-options.ts'
import type { LoadedMany } from '../api/load-types.ts'
import type { Namespace } from '../api/namespace-types.ts'
import { checkFeatureOptions } from '../api/option-check.ts'
import { durationOrCallback, signal as signalOption, text, texts } from '../api/option-tests.ts'
import type { SetOptions } from '../api/write-types.ts'
import type { Candidate } from '../coherence/candidate.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import type { RequestScope } from '../coherence/request-scope.ts'
import { tagsOf, ttlOf } from '../coherence/ttl-and-tags.ts'
import { checkHoldable } from '../wire/holdable.ts'
import { checkId, MAX_IDS } from '../wire/ids.ts'
import type { Token } from '../wire/token.ts'
import { keysThat } from '../write/affected-keys.ts'
import { partsOf } from '../write/namespace-parts.ts'
import { replaced } from '../write/write-errors.ts'
import type { NamespaceParts } from '../write/namespace-parts.ts'

/** The options of `setMany()`. */
export interface SetManyOptions<T> extends Omit<SetOptions<T>, 'version'> {
  /**
   * `replicate()` publishes the values in one record, of this name, instead of one each: for small values that are
   * written together. The updates topic keeps the last record of a domain, so write a domain **whole** each time.
   */
  readonly domain?: string
}

/**
 * `set` for many keys, in few requests: one eviction names all of them. At most 1000.
 *
 * @throws KedgeError `ERR_TOO_LARGE`, before anything is evicted, when `replicate()` would publish the values of a `domain`,
 * and they do not fit a message.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { memory } from 'kedge/testing'
 * import { setMany } from 'kedge/write-paths'
 *
 * const users = createCache({ kafka: memory() }).namespace<{ name: string }>('users')
 * await setMany(users, { '7': { name: 'Ada' }, '8': { name: 'Grace' } }, { ttl: '1h' })
 * ```
 */
export async function setMany<T>(
  namespace: Namespace<T>,
  entries: LoadedMany<T>,
  options?: SetManyOptions<T>,
): Promise<Token> {
  const { parts, scope } = partsOf(namespace)
  const known = { ttl: durationOrCallback, tags: texts, signal: signalOption, domain: text }
  checkFeatureOptions(known, options ?? {}, 'setMany')
  return parts.context.publisher.deadline.within(options?.signal, (signal) =>
    // Copied: the caller may change its own while the write waits.
    set(parts, new Map(entriesOf(entries)), { ...options, signal }, scope),
  )
}

/** Evicts the keys, then holds the values as of right after that eviction. */
async function set<T>(
  { space, features, writer, context }: NamespaceParts<T>,
  entries: ReadonlyMap<string, T>,
  options: SetManyOptions<T>,
  scope: RequestScope,
): Promise<Token> {
  check(entries, options.domain)
  const { signal, domain } = options
  context.lifecycle.check()
  const { values, published, landed } = await context.publisher.order.set(
    scope,
    space.name,
    [...entries.keys()],
    signal,
    async (inOrder) => {
      // Before the first contact nothing may be held, and values that were set should be.
      if (!space.partition.hasPosition) await context.follower.sync(scope, signal)
      // What cannot be written must not evict either.
      const drafts = draftsOf(space, entries, options, context.shared.clock.now())
      const before = features.beforeSet(space, drafts, domain, signal)
      const made = before instanceof Promise ? await before : before
      const meant = keysThat((key) => entries.has(key))
      const keys = [...entries.keys()]
      return { values: made, ...(await inOrder(() => writer.evictAtOnce({ keys }, meant, scope, signal))) }
    },
  )
  // A position of another log compares to nothing here.
  if (!landed) throw replaced()
  return writer.hold(values, published, domain, scope, signal)
}

function draftsOf<T>(
  space: CoherentStore<T>,
  entries: ReadonlyMap<string, T>,
  options: SetManyOptions<T>,
  loadedAt: number,
): ReadonlyMap<string, Candidate<T>> {
  const { load } = space.settings
  const { generation } = space.partition
  const ttl = ttlOver(options.ttl, load.ttl)
  const drafts = new Map<string, Candidate<T>>()
  for (const [key, value] of entries) {
    const place = space.place(key)
    checkHoldable(value, place.namespace, key)
    const ttlMs = ttlOf(value, { ttl, jitter: 0 }, 0, place)
    const tags = tagsOf(value, { tags: options.tags ?? load.tags }, place)
    const rest = { asOf: Number.MAX_SAFE_INTEGER, keepMs: 0, version: undefined, settleMs: 0 }
    drafts.set(key, { value, generation, loadedAt, ttlMs, tags, ...rest })
  }
  return drafts
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
