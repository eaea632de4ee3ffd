/**
 * Asks the sources of values that features bring, and holds what they find: only once freshness is proved, as a read
 * of a held value would be.
 *
 * @module
 */
import type { CacheContext } from '../coherence/cache-context.ts'
import type { Candidate } from '../coherence/candidate.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import type { SourceContext } from '../api/feature.ts'
import { checkHoldable } from '../wire/holdable.ts'
import type { CoreHooks, Proof } from './core-hooks.ts'

/**
 * The values that are held now, of the keys. Never rejects.
 *
 * @param signal ends the question
 * @param held gets them as they are found
 */
export async function askSources<T>(
  sources: readonly CoreHooks[],
  space: CoherentStore<T>,
  keys: readonly string[],
  proof: Proof,
  signal: AbortSignal | undefined,
  { clock, settings }: CacheContext,
  held: Map<string, Candidate<T>> = new Map(),
): Promise<ReadonlyMap<string, Candidate<T>>> {
  const wanted = new Set(keys)
  let isProved = false
  let proved: Promise<boolean> | undefined
  const context: SourceContext<T> = {
    signal,
    proof: () =>
      (proved ??= proof(signal).then(
        (does) => (isProved = does),
        () => false,
      )),
    hold(key, value) {
      // Once the source of truth has answered, what it says is newer. A proof that failed proves nothing.
      if (!isProved || signal?.aborted || !wanted.has(key) || held.has(key)) return false
      // An as-of beyond the end is of another log, a time to come of another clock: it would be held for too long.
      if (!(value.asOf <= space.partition.asOf && value.loadedAt <= clock.now())) return false
      if (value.value === undefined || !Number.isFinite(value.ttlMs + value.keepMs)) return false
      // What a source gives is served as fresh.
      if (clock.now() >= value.loadedAt + value.ttlMs) return false
      checkHoldable(value.value, space.name, key)
      if (space.hold(key, value) !== undefined) return false
      held.set(key, value)
      return true
    },
  }
  const ask = async (each: CoreHooks) => {
    try {
      await each.source!(space, keys, context)
    } catch (error) {
      if (!signal?.aborted) settings.emit?.({ type: 'background_error', error })
    }
  }
  await Promise.all(sources.map(ask))
  return held
}
