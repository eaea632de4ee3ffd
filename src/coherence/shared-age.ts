/**
 * How old bounds that others have sampled may be.
 *
 * @module
 */

/** The part of `maxStaleness − refreshAfter`: what is left of the promise when a poll is due. */
const OF_THE_REST = 2 / 3
/** With older ones an isolate that polls more often would learn of nothing sooner (decision 139). */
const OF_REFRESH_AFTER = 1.5
/** An isolate that allows less asks the tail at nearly every poll. */
const LEAST_MS = 500

/** In milliseconds: by both options, and never more than leaves time for the next poll. */
export function sharedAgeMs(maxStalenessMs: number, refreshAfterMs: number): number {
  const wantedMs = Math.max(LEAST_MS, refreshAfterMs * OF_REFRESH_AFTER)
  return Math.floor(Math.min((maxStalenessMs - refreshAfterMs) * OF_THE_REST, wantedMs))
}
