/** What a cache counts, by the names that metrics have. @module */
import type { CacheStats, Freshness } from '../../../src/api/cache-types.ts'
import type { CacheMeter } from './cache-meter.ts'

type Counter = Exclude<keyof CacheStats, 'entries' | 'bytes' | 'tierState'>

const COUNTERS: Readonly<Record<Counter, readonly [name: string, help: string]>> = {
  hits: ['hits_total', 'Reads that a held value answered.'],
  misses: ['misses_total', 'Reads that no held value answered.'],
  loads: ['loads_total', 'Loads from the origin.'],
  answered: ['answered_total', 'Misses that a loader service answered.'],
  askFailures: ['ask_failures_total', 'Calls of a loader service that failed.'],
  fenced: ['fenced_loads_total', 'Loads whose value was not kept because an eviction matched it under way.'],
  polls: ['polls_total', 'Polls that proved freshness.'],
  sharedPolls: ['shared_polls_total', 'Of these, polls that went by bounds which others had sampled.'],
  pollFailures: ['poll_failures_total', 'Polls that failed.'],
  reanchors: [
    'reanchors_total',
    'How often the cache dropped everything and began again at the end of the log.',
  ],
  unverified: ['unverified_polls_total', 'Polls whose log could not be verified to be the same.'],
  evictionsApplied: ['evictions_total', 'Evictions that were applied.'],
  updatesApplied: ['updates_total', 'Values that were taken from the log.'],
  refused: ['refused_records_total', 'Records that could not be read, or were refused.'],
  tierHits: ['tier_hits_total', 'Keys that a value of the shared tier answered.'],
  tierMisses: ['tier_misses_total', 'Keys that the shared tier was asked for in vain.'],
  tierRefused: [
    'tier_refused_total',
    'Values of the shared tier that could not be read, or must not be held.',
  ],
  tierFailures: ['tier_failures_total', 'Calls of the shared tier that failed.'],
}

interface Counted {
  stats(): CacheStats
  freshness(): Freshness
}

export function cacheCounters(meter: CacheMeter, cache: Counted): void {
  for (const [of, [name, help]] of Object.entries(COUNTERS))
    meter.counter(name, help, () => cache.stats()[of as Counter])
  meter.gauge('entries', 'Values that are held.', () => cache.stats().entries)
  meter.gauge('bytes', 'Bytes of values that are held, estimated.', () => cache.stats().bytes)
  meter.gauge('lag_records', 'Evictions that were not read yet.', () => cache.freshness().lag)
  // No proof yet: there is no age.
  meter.gauge('fresh_age_seconds', 'The age of the oldest proof.', () => {
    const { ageMs } = cache.freshness()
    return Number.isFinite(ageMs) ? ageMs / 1000 : []
  })
  meter.gauge('ready', 'Whether freshness is proved.', () => (cache.freshness().proved ? 1 : 0))
  meter.gauge('tier_open', 'Whether the shared tier is left alone because it fails.', () => {
    const { tierState } = cache.stats()
    return tierState === undefined ? [] : Number(tierState === 'open')
  })
}
