/** The lag of a sync as JSON, and its metrics in Prometheus' text format. @module */
import type { Health } from './health.ts'
import { counter, exposition, gauge } from './metrics.ts'
import type { Sample } from './metrics.ts'
import type { SyncLag, SyncStats } from '../services/sync/index.ts'

/** A sync, or the applier of a tier: what follows a topic. */
export interface Followed {
  readonly names: Readonly<Record<string, string>>
  readonly lag: () => SyncLag
  readonly pressure: () => number
  /** Why the store may be behind the topic; empty when it is ready. */
  readonly notReady: () => readonly string[]
  readonly stats: () => Readonly<Partial<SyncStats>>
}

const HELP: Readonly<Record<keyof SyncStats, readonly [name: string, says: string]>> = {
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

export function healthOf(followed: Followed): Health {
  const { names, lag, pressure, notReady } = followed
  return {
    problem: () => notReady().join(', ') || undefined,
    lag: async () => {
      const why = notReady()
      return { ...names, ...lag(), pressure: pressure(), ready: why.length === 0, notReady: why }
    },
    metrics: () => metrics(followed),
  }
}

function metrics({ names, lag, pressure, notReady, stats }: Followed): string {
  const { records, ms, rehydrating, partitions } = lag()
  const counted = Object.entries(stats()).map(([of, value]) => {
    const [name, says] = HELP[of as keyof SyncStats]
    return counter(name, says, value)
  })
  const each = (of: 'position' | 'end') =>
    partitions.map((at): Sample => [at[of], { partition: at.partition }])
  return exposition('kedge_sync_', names, [
    ...counted,
    gauge('lag_records', 'Offsets between the positions and the ends.', [records]),
    gauge('lag_seconds', 'How long the store has been behind.', [Number.isFinite(ms) ? ms / 1000 : -1]),
    gauge('pressure', 'How much producers should slow down, from 0 to 1.', [pressure()]),
    gauge('rehydrating', 'Whether it is on its way to the end.', [rehydrating ? 1 : 0]),
    gauge('ready', 'Whether the store is ready.', [notReady().length === 0 ? 1 : 0]),
    gauge('position', 'The next offset of a partition.', ...each('position')),
    gauge('end', 'The end of a partition, as it was known last.', ...each('end')),
  ])
}
