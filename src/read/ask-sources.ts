/**
 * Asks the sources of values that features bring, and holds what they find: only once freshness is proved, as a read
 * of a held value would be.
 *
 * @module
 */
import type { Candidate } from '../coherence/candidate.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import type { SourceContext } from '../api/feature.ts'
import type { CoreHooks, Proof } from './core-hooks.ts'

/** The values that are held now, of the keys. Never rejects. @param signal ends the question */
export async function askSources<T>(
  sources: readonly CoreHooks[],
  space: CoherentStore<T>,
  keys: readonly string[],
  proof: Proof,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, Candidate<T>>> {
  const wanted = new Set(keys)
  const held = new Map<string, Candidate<T>>()
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
      if (space.hold(key, value) !== undefined) return false
      held.set(key, value)
      return true
    },
  }
  await Promise.all(sources.map((each) => each.source!(space, keys, context)))
  return held
}
