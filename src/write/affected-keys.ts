/** Which values and loads a write concerns, in case its eviction is not acknowledged. @module */

/** The values that a write may have evicted, in case it is not acknowledged. */
export interface AffectedKeys {
  held(key: string, tags: readonly string[] | undefined): boolean
  /** Loads under way: their tags are not known yet. */
  loading(key: string): boolean
}

export const EVERYTHING: AffectedKeys = { held: () => true, loading: () => true }

/** The keys that match, whatever their tags are. */
export const keysThat = (matches: (key: string) => boolean): AffectedKeys => ({
  held: matches,
  loading: matches,
})
