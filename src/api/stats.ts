/** What a cache counts. @module */

/** Counters since construction; see `CacheStats` for their meaning. */
export interface Counters {
  hits: number
  misses: number
  loads: number
  answered: number
  askFailures: number
  fenced: number
  polls: number
  sharedPolls: number
  pollFailures: number
  reanchors: number
  unverified: number
  evictionsApplied: number
  updatesApplied: number
  refused: number
  tierHits: number
  tierMisses: number
  tierRefused: number
  tierFailures: number
}

export const newCounters = (): Counters => ({
  hits: 0,
  misses: 0,
  loads: 0,
  answered: 0,
  askFailures: 0,
  fenced: 0,
  polls: 0,
  sharedPolls: 0,
  pollFailures: 0,
  reanchors: 0,
  unverified: 0,
  evictionsApplied: 0,
  updatesApplied: 0,
  refused: 0,
  tierHits: 0,
  tierMisses: 0,
  tierRefused: 0,
  tierFailures: 0,
})
