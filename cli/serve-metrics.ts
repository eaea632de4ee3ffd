/** The metrics of a sidecar's cache in Prometheus' text format. @module */
import type { Cache, CacheStats } from '../src/api/cache-types.ts'
import type { WatchedOrigin } from './origin-watch.ts'
import { counter, exposition, gauge } from './metrics.ts'

const COUNTERS = {
  hits: ['hits_total', 'Reads that a held value answered.'],
  misses: ['misses_total', 'Reads that no held value answered.'],
  loads: ['loads_total', 'Loads from the origin.'],
  fenced: ['fenced_loads_total', 'Loads whose value was not kept because an eviction matched it under way.'],
  polls: ['polls_total', 'Polls that proved freshness.'],
  pollFailures: ['poll_failures_total', 'Polls that failed.'],
  reanchors: [
    'reanchors_total',
    'How often the cache dropped everything and began again at the end of the log.',
  ],
  unverified: ['unverified_polls_total', 'Polls whose log could not be verified to be the same.'],
  evictionsApplied: ['evictions_total', 'Evictions that were applied.'],
  updatesApplied: ['updates_total', 'Values that were taken from the log.'],
  refused: ['refused_records_total', 'Records that could not be read, or were refused.'],
} as const satisfies Partial<Record<keyof CacheStats, readonly [string, string]>>

export function serveMetrics(cache: Cache, origin?: Pick<WatchedOrigin, 'outage'>): string {
  const stats = cache.stats()
  const { proved, ageMs, lag } = cache.freshness()
  return exposition('kedge_serve_', {}, [
    ...Object.entries(COUNTERS).map(([of, [name, says]]) =>
      counter(name, says, stats[of as keyof typeof COUNTERS]),
    ),
    gauge('entries', 'Values that are held.', [stats.entries]),
    gauge('bytes', 'Bytes of values that are held, estimated.', [stats.bytes]),
    gauge('lag_records', 'Evictions that were not read yet.', [lag]),
    // No proof yet: there is no age.
    ...(Number.isFinite(ageMs)
      ? [gauge('fresh_age_seconds', 'The age of the oldest proof.', [ageMs / 1000])]
      : []),
    gauge('ready', 'Whether freshness is proved.', [proved ? 1 : 0]),
    ...(origin
      ? [
          gauge('origin_up', 'Whether the last request to the origin was answered.', [
            origin.outage() ? 0 : 1,
          ]),
        ]
      : []),
  ])
}
