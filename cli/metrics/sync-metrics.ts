/** The lag of a sync as JSON, and its metrics. @module */
import { consumerLag } from '../../adapters/metrics/prom-client/consumer-lag.ts'
import type { Sample } from '../../adapters/metrics/shared/cache-meter.ts'
import type { SyncLag, SyncStats, TierFollowerStats } from '../../services/sync/index.ts'
import type { Health } from '../health.ts'
import type { ProcessMetrics } from './process-metrics.ts'

/** A sync, or the applier of a tier: what follows a topic. */
export interface Followed {
  readonly names: Readonly<Record<'topic', string>> & Readonly<Record<string, string>>
  /** As which it stands in `kafka_consumer_lag`. */
  readonly group: string
  readonly lag: () => SyncLag
  readonly pressure: () => number
  /** Why the store may be behind the topic; empty when it is ready. */
  readonly notReady: () => readonly string[]
  readonly stats: Stats
}

type Stats = (() => SyncStats) | (() => TierFollowerStats)

type Help = readonly [name: string, says: string]

const SYNC: Readonly<Record<keyof SyncStats, Help>> = {
  records: ['records_total', 'Records that were read and handled.'],
  bytes: ['bytes_total', 'Bytes of their keys and values.'],
  batches: ['batches_total', 'Batches that were written.'],
  written: ['written_total', 'Values written and keys deleted.'],
  superseded: ['superseded_total', 'Writes that the store refused because it has a newer version.'],
  folded: ['folded_total', 'Records that a later one of the same batch made needless.'],
  skipped: ['skipped_total', 'Records without a write for this store.'],
  unusable: ['unusable_total', 'Records that could not be used.'],
  deadLetters: ['dead_letters_total', 'Records in the dead-letter topic.'],
  deadLettersLost: ['dead_letters_lost_total', 'Dead letters that could not be written.'],
  wipes: ['store_wipes_total', 'How often the store turned out to be wiped.'],
  begins: ['begins_total', 'How often the stream began from the beginning.'],
  lost: ['lost_records_total', 'Records that retention took before they were read, at most.'],
  grown: ['topic_growths_total', 'How often the topic turned out to have more partitions.'],
  movedKeys: ['moved_keys_total', 'Keys of a sample that came in another partition than before.'],
  suspectTimes: ['suspect_times_total', 'Times that seem to be in another unit than milliseconds.'],
  storeFailures: ['store_failures_total', 'Calls to the store that failed.'],
  logFailures: ['log_failures_total', 'Calls to the log that failed.'],
  hookFailures: ['hook_failures_total', 'Failed calls of the hook that follows the writes.'],
}

const TIER: Readonly<Record<keyof TierFollowerStats, Help>> = {
  records: ['records_total', 'Records that were read and handled.'],
  batches: ['batches_total', 'Batches that were written.'],
  evictions: ['tier_evictions_total', 'Evictions that were applied to the tier.'],
  begins: ['tier_begins_total', 'How often a partition of the tier began again at the end.'],
  failures: ['tier_failures_total', 'Rounds that the log or the tier has failed.'],
}

export const healthOf = ({ names, lag, pressure, notReady }: Followed): Health => ({
  problem: () => notReady().join(', ') || undefined,
  lag: async () => {
    const why = notReady()
    return { ...names, ...lag(), pressure: pressure(), ready: why.length === 0, notReady: why }
  },
})

/** @returns what takes the time of each batch */
export function syncMetrics(metrics: ProcessMetrics, followed: Followed): (ms: number) => void {
  const { names, group, lag, pressure, notReady, stats } = followed
  const meter = metrics.meter('kedge_sync_', names)
  const help: Readonly<Record<string, Help>> = 'written' in stats() ? SYNC : TIER
  for (const [of, [name, says]] of Object.entries(help))
    meter.counter(name, says, () => (stats() as unknown as Readonly<Record<string, number>>)[of]!)
  const each = (of: 'position' | 'end') => () =>
    lag().partitions.map((at): Sample => [at[of], { partition: at.partition }])
  meter.gauge('lag_records', 'Offsets between the positions and the ends.', () => lag().records)
  // It was never level with the topic: since when it is behind is not known.
  meter.gauge('lag_seconds', 'How long the store has been behind.', () => {
    const { ms } = lag()
    return Number.isFinite(ms) ? ms / 1000 : []
  })
  meter.gauge('pressure', 'How much producers should slow down, from 0 to 1.', pressure)
  meter.gauge('rehydrating', 'Whether it is on its way to the end.', () => Number(lag().rehydrating))
  meter.gauge('ready', 'Whether the store is ready.', () => Number(notReady().length === 0))
  meter.gauge('position', 'The next offset of a partition.', each('position'), ['partition'])
  meter.gauge('end', 'The end of a partition, as it was known last.', each('end'), ['partition'])
  consumerLag(meter, { topic: names.topic, group }, () => lag().partitions)
  const timer = meter.histogram('write_duration_seconds', 'Batches, until the store had them.', [])
  return (ms) => timer(ms, {})
}
