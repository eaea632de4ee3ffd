/**
 * Asks the sources of values that features bring, and holds what they find: only once freshness is proved, as a read
 * of a held value would be.
 *
 * @module
 */
import type { CacheContext } from '../coherence/cache-context.ts'
import type { Candidate } from '../coherence/candidate.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import type { FeatureScope, HeldValue } from '../api/feature.ts'
import { checkHoldable } from '../wire/holdable.ts'
import { HOLD_KNOWN } from './core-hooks.ts'
import type { CoreHooks, CoreSourceContext, Proof } from './core-hooks.ts'

/** What sources are asked, and who hears what they find. */
export interface Question<T> {
  readonly keys: readonly string[]
  readonly proof: Proof
  /** Ends the question. */
  readonly signal: AbortSignal | undefined
  /** Whether a value of the key is of use by now. @default of all keys */
  readonly wants?: (key: string) => boolean
  /** Called with each value in the step in which it is held. */
  readonly onHeld: (key: string, value: Candidate<T>) => void
  /** Of the request that asks. */
  readonly scope: FeatureScope
}

/** Resolves once a value of each key is held, or all sources have ended. Never rejects. */
export async function askSources<T>(
  sources: readonly CoreHooks[],
  space: CoherentStore<T>,
  { keys, proof, signal, wants, onHeld, scope }: Question<T>,
  { clock, settings }: CacheContext,
): Promise<void> {
  const left = new Set(keys)
  let isProved = false
  let proved: Promise<boolean> | undefined
  let complete!: () => void
  const completed = new Promise<void>((resolve) => (complete = resolve))
  const hold = (key: string, value: HeldValue<T>, knownTo?: number): boolean => {
    // Once the source of truth has answered, what it says is newer. A proof that failed proves nothing.
    if (!isProved || signal?.aborted || !left.has(key) || wants?.(key) === false) return false
    // An as-of beyond the end is of another log, a time to come of another clock: it would be held for too long.
    if (!(value.asOf <= space.partition.asOf && value.loadedAt <= clock.now())) return false
    if (value.value === undefined || !Number.isFinite(value.ttlMs + value.keepMs)) return false
    // What a source gives is served as fresh.
    if (clock.now() >= value.loadedAt + value.ttlMs) return false
    checkHoldable(value.value, space.name, key)
    const candidate = candidateOf(value, knownTo)
    if (space.hold(key, candidate) !== undefined) return false
    left.delete(key)
    onHeld(key, candidate)
    if (left.size === 0) complete()
    return true
  }
  const context: CoreSourceContext<T> = {
    signal,
    scope,
    proof: () =>
      (proved ??= proof(signal).then(
        (does) => (isProved = does),
        () => false,
      )),
    hold: (key, value) => hold(key, value),
    [HOLD_KNOWN]: hold,
  }
  const ask = async (each: CoreHooks) => {
    try {
      await each.source!(space, keys, context)
    } catch (error) {
      if (!signal?.aborted) settings.emit?.({ type: 'background_error', error })
    }
  }
  await Promise.race([completed, Promise.all(sources.map(ask))])
}

/** Field by field: of what a source reads back from a store of its own, the core takes nothing that only it may say. */
function candidateOf<T>(said: HeldValue<T>, knownTo: number | undefined): Candidate<T> {
  const { value, asOf, generation, loadedAt, ttlMs, keepMs, windows, tags, version, settleMs } = said
  return { value, asOf, generation, loadedAt, ttlMs, keepMs, windows, tags, version, settleMs, knownTo }
}
