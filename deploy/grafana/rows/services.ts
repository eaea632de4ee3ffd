/** The rows of sync, the loader and the persister. @module */
import { max, quantile, rate, series, sum } from '../expressions.ts'
import { lines, query } from '../row.ts'
import type { Query, Row } from '../row.ts'

/** Counters of a service by topic, each under its own word. */
const counted = (prefix: string, words: Readonly<Record<string, string>>): Query[] =>
  Object.entries(words).map(([name, word]) =>
    query(sum('topic', rate(`${prefix}${name}_total`)), `${word} {{topic}}`),
  )

export const SYNC: Row = {
  title: 'Sync',
  panels: [
    lines(
      'Records',
      'ops',
      'Records that were handled in a second.',
      ...counted('kedge_sync_', { records: 'read' }),
    ),
    lines(
      'Lag',
      'short',
      'Records between the positions and the ends.',
      query(max('topic', series('kedge_sync_lag_records')), '{{topic}}'),
    ),
    lines(
      'Lag in time',
      's',
      'How long the store has been behind.',
      query(max('topic', series('kedge_sync_lag_seconds')), '{{topic}}'),
    ),
    lines(
      'Rehydration',
      'short',
      '1 while the store is filled from the beginning, and the records that are left.',
      query(max('topic', series('kedge_sync_rehydrating')), 'under way {{topic}}'),
      query(
        `${sum('topic', series('kedge_sync_end'))} - ${sum('topic', series('kedge_sync_position'))}`,
        'left {{topic}}',
      ),
    ),
    lines(
      'Writes',
      'ops',
      'What became of the records.',
      ...counted('kedge_sync_', {
        written: 'written',
        superseded: 'older than the store',
        folded: 'folded',
        skipped: 'without a write',
        tier_evictions: 'evictions of the tier',
      }),
    ),
    lines(
      'Time of a batch',
      's',
      'Until the store has it.',
      query(quantile(0.5, 'topic', rate('kedge_sync_write_duration_seconds_bucket')), 'half {{topic}}'),
      query(quantile(0.99, 'topic', rate('kedge_sync_write_duration_seconds_bucket')), '99 % {{topic}}'),
    ),
    lines(
      'Dead letters and losses',
      'ops',
      'Records that could not be used; of them the letters that were written, and that were lost; records that retention took.',
      ...counted('kedge_sync_', {
        unusable: 'not usable',
        dead_letters: 'letters',
        dead_letters_lost: 'letters lost',
        lost_records: 'records lost',
      }),
    ),
    lines(
      'Failures',
      'ops',
      'Calls that failed and are tried again, and stores that were wiped.',
      ...counted('kedge_sync_', {
        store_failures: 'store',
        log_failures: 'log',
        hook_failures: 'hook',
        tier_failures: 'tier',
        store_wipes: 'wiped',
      }),
    ),
    lines(
      'Begun again, and what is suspect',
      'ops',
      'Streams and tiers that began again; topics that grew, keys that moved, times in another unit than milliseconds.',
      ...counted('kedge_sync_', {
        begins: 'streams',
        tier_begins: 'partitions of the tier',
        topic_growths: 'topics grew',
        moved_keys: 'keys moved',
        suspect_times: 'times',
      }),
    ),
    lines(
      'Pressure',
      'short',
      'How much producers should slow down: 1 at the limit of the lag.',
      query(max('topic', series('kedge_sync_pressure')), '{{topic}}'),
    ),
  ],
}

export const LOADER: Row = {
  title: 'Loader',
  panels: [
    lines(
      'Requests',
      'ops',
      'Requests in a second, and what became of those that were not loaded.',
      ...counted('kedge_loader_', {
        requests: 'read',
        answered: 'answered before',
        expired: 'too late',
        overflowed: 'too many',
        failing: 'failed just now',
        unshareable: 'not to be shared',
        foreign: 'of other services',
        unreadable: 'unreadable',
      }),
    ),
    lines(
      'Keys',
      'ops',
      'Keys in a second, by what was published of them.',
      ...counted('kedge_loader_', {
        loaded: 'loaded',
        values: 'values',
        none: 'no value',
        republished: 'from its cache',
        failed: 'failed',
      }),
    ),
    lines(
      'Queue',
      'short',
      'Keys that wait, and those that are being loaded.',
      query(sum('instance', series('kedge_loader_queued')), 'wait {{instance}}'),
      query(sum('instance', series('kedge_loader_loading')), 'load {{instance}}'),
    ),
    lines(
      'Wait of the oldest key',
      's',
      'Above `wait` of the askers, its answer comes too late.',
      query(max('instance', series('kedge_loader_queued_seconds')), '{{instance}}'),
    ),
    lines(
      'Time of a load',
      's',
      'Of the source, and of a whole batch until it is published.',
      query(quantile(0.99, '', rate('kedge_loader_load_duration_seconds_bucket')), 'load, 99 %'),
      query(quantile(0.99, '', rate('kedge_loader_batch_duration_seconds_bucket')), 'batch, 99 %'),
    ),
    lines(
      'Time of its polls and writes',
      's',
      'Of its own cache.',
      query(quantile(0.99, '', rate('kedge_loader_poll_duration_seconds_bucket')), 'poll, 99 %'),
      query(quantile(0.99, '', rate('kedge_loader_apply_duration_seconds_bucket')), 'applying, 99 %'),
      query(quantile(0.99, '', rate('kedge_loader_publish_duration_seconds_bucket')), 'write, 99 %'),
    ),
  ],
}

export const PERSISTER: Row = {
  title: 'Persister',
  panels: [
    lines(
      'Writes',
      'ops',
      'Writes in a second: those that stores have acknowledged, dead letters, and those that retention took.',
      ...counted('kedge_persister_', {
        persisted: 'persisted',
        dead_letters: 'dead letters',
        lost_records: 'lost',
      }),
    ),
    lines(
      'Lag',
      'short',
      'Writes that are not persisted yet.',
      query(max('topic', series('kedge_persister_lag_records')), '{{topic}}'),
    ),
    lines(
      'Age of the oldest',
      's',
      'How long the oldest of them has waited.',
      query(max('topic', series('kedge_persister_lag_seconds')), '{{topic}}'),
    ),
    lines(
      'Time of a store',
      's',
      'Until a store has a batch.',
      query(quantile(0.99, '', rate('kedge_persister_store_duration_seconds_bucket')), '99 %'),
    ),
    lines(
      'Failures and pressure',
      'short',
      'Calls that failed in a second, and the lag as a part of its limit.',
      ...counted('kedge_persister_', { store_failures: 'store', log_failures: 'log' }),
      query(max('topic', series('kedge_persister_pressure')), 'pressure {{topic}}'),
    ),
  ],
}
