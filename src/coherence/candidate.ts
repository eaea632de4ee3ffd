/** A value that asks to be held, and what decides between it and the one that is held. @module */
import type { HeldValue } from '../api/feature.ts'
import type { StoredEntry } from '../store/entry.ts'

/** A value that asks to be held, with what only the core says of it. */
export interface Candidate<T> extends HeldValue<T> {
  /** The carrier has applied every eviction below it to the value: this isolate need not know those. */
  readonly knownTo?: number | undefined
  /** It may be held, flagged, until the log is reached for the first time. */
  readonly beforeContact?: boolean
  /** Whether it is the value of the write that waits to be persisted. */
  readonly isWaiting?: () => boolean
}

/** Whether what is held is newer than what arrives. Versions decide where both have one. */
export function isNewer(held: StoredEntry<unknown>, candidate: Candidate<unknown>, now: number): boolean {
  if (held.version !== undefined && candidate.version !== undefined && held.version !== candidate.version) {
    return held.version > candidate.version
  }
  // The as-of of what has expired may have been raised since the load that replaces it began.
  return held.freshUntil > now && held.asOf > candidate.asOf
}

/** The age of a proof that is young enough for a read that may not take the short way: none. */
export const NO_HIT: number = -Infinity
