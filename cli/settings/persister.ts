/** Settings of the persister: what it calls, reads and listens on. @module */
import { setting } from '../setting.ts'
import type { AnySetting, Setting } from '../setting.ts'
import { length, list, text, whole } from '../value-types.ts'

type Optional<T> = Setting<T | undefined>

export const module: Optional<string> = setting<string | undefined>('persister.module', {
  flag: '--module <file>',
  shape: text,
  says: 'the module whose default export holds the stores, by namespace',
  otherwise: undefined,
})
export const partitions: Optional<readonly number[]> = setting<readonly number[] | undefined>(
  'persister.partitions',
  {
    flag: '--partitions <numbers>',
    shape: list(whole(0, 10_000)),
    says: 'the partitions of the topic of writes that it reads, such as 0,1',
    otherwise: undefined,
    otherwiseSays: 'all',
  },
)
export const maxBatch: Setting<number> = setting('persister.maxBatch', {
  flag: '--max-batch <number>',
  shape: whole(1, 1000),
  says: 'most writes in one call of a store',
  otherwise: 100,
})
export const concurrency: Setting<number> = setting('persister.concurrency', {
  flag: '--concurrency <number>',
  shape: whole(1, 1000),
  says: 'concurrent calls of stores',
  otherwise: 4,
})
export const retries: Setting<number> = setting('persister.retries', {
  flag: '--retries <number>',
  shape: whole(0),
  says: 'how often a write is retried before it goes to the dead letters',
  otherwise: 10,
})
export const storeTimeout: Setting<number> = setting('persister.storeTimeout', {
  flag: '--store-timeout <duration>',
  shape: length,
  says: 'how long one call of a store may take',
  otherwise: 30_000,
})
export const maxLag: Setting<number> = setting('persister.maxLag', {
  flag: '--max-lag <duration>',
  shape: length,
  says: 'the age of a write that waits, above which /readyz answers 503',
  otherwise: 30_000,
})
export const maxLagRecords: Setting<number> = setting('persister.maxLagRecords', {
  flag: '--max-lag-records <number>',
  shape: whole(1),
  says: 'the number of waiting writes above which /readyz answers 503',
  otherwise: 10_000,
})
export const drain: Setting<number> = setting('persister.drain', {
  flag: '--drain <duration>',
  shape: length,
  says: 'how long it still persists writes that it has read, after a signal to end',
  otherwise: 10_000,
})
export const listen: Optional<string> = setting<string | undefined>('persister.listen', {
  flag: '--listen <[host:]port>',
  shape: text,
  says: 'where it serves /healthz, /readyz, /lag and /metrics; port 0 takes a free one',
  otherwise: undefined,
  otherwiseSays: 'nowhere',
})

export const PERSISTER_SETTINGS: readonly AnySetting[] = [
  module,
  partitions,
  maxBatch,
  concurrency,
  retries,
  storeTimeout,
  maxLag,
  maxLagRecords,
  drain,
  listen,
]
