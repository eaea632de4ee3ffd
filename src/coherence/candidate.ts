/** A value that asks to be held, and what decides between it and the one that is held. @module */
import type { StoredEntry, Windows } from '../store/entry.ts'
import type { PendingWrite } from './write-intents.ts'

/** A value that asks to be held. Times are those of the cache's clock. */
export interface Candidate<T> {
  readonly value: T
  readonly asOf: number
  /** The partition's generation when the load or the write of the value began. */
  readonly generation: number
  readonly loadedAt: number
  readonly ttlMs: number
  /** How long past its TTL it may be of use. */
  readonly keepMs: number
  /** Its own, where it says so. */
  readonly windows?: Windows | undefined
  readonly tags: readonly string[] | undefined
  readonly version: number | undefined
  /** How long after an eviction a load must begin for its value to be held. */
  readonly settleMs: number
  /** The carrier has applied every eviction below it to the value: this isolate need not know those. */
  readonly knownTo?: number | undefined
  /** It may be held, flagged, until the log is reached for the first time. */
  readonly beforeContact?: boolean
  /** It is the value of a write that waits to be persisted. */
  readonly write?: PendingWrite
}

/** The place of a load in the log: the evictions from there on judge what it brings. */
export interface LogPosition {
  readonly asOf: number
  /** Of the partition: positions of another one compare to nothing here. */
  readonly generation: number
}

/** Whether what is held is newer than what arrives. Versions decide where both have one. */
export function isNewer(held: StoredEntry<unknown>, candidate: Candidate<unknown>, now: number): boolean {
  if (held.version !== undefined && candidate.version !== undefined && held.version !== candidate.version) {
    return held.version > candidate.version
  }
  // The as-of of what has expired may have been raised since the load that replaces it began.
  return held.freshUntil > now && held.asOf > candidate.asOf
}
