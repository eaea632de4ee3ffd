/** Which values and loads a write concerns, in case its eviction is not acknowledged. @module */

import type { MayMatch } from '../coherence/partition.ts'

/** The values that a write may have evicted, in case it is not acknowledged. */
export interface AffectedKeys {
  readonly held: MayMatch
  /** Loads under way: their tags are not known yet. */
  readonly loading: (key: string) => boolean
}

export const EVERYTHING: AffectedKeys = { held: () => true, loading: () => true }

/** The keys that match, whatever their tags are. */
export const keysThat = (matches: (key: string) => boolean): AffectedKeys => ({
  held: matches,
  loading: matches,
})
