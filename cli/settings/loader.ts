/** Settings of the loader: what it loads, reads and listens on. @module */
import { setting } from '../setting.ts'
import type { AnySetting, Setting } from '../setting.ts'
import { length, text, whole } from '../value-types.ts'

type Optional<T> = Setting<T | undefined>

export const module: Optional<string> = setting<string | undefined>('loader.module', {
  flag: '--module <file>',
  shape: text,
  says: 'the module whose default export holds the loaders, by namespace',
  otherwise: undefined,
})
export const share: Optional<string> = setting<string | undefined>('loader.share', {
  flag: '--share <part/parts>',
  shape: text,
  says: 'the part of the partitions that this loader reads, such as 2/3',
  otherwise: undefined,
  otherwiseSays: 'all',
})
export const lookback: Setting<number> = setting('loader.lookback', {
  flag: '--lookback <number>',
  shape: whole(0),
  says: 'how many records before the end it begins to read',
  otherwise: 0,
})
export const maxQueue: Setting<number> = setting('loader.maxQueue', {
  flag: '--max-queue <number>',
  shape: whole(1),
  says: 'keys that may wait; beyond it the oldest are dropped',
  otherwise: 10_000,
})
export const drain: Setting<number> = setting('loader.drain', {
  flag: '--drain <duration>',
  shape: length,
  says: 'how long it still loads waiting keys after a signal to end',
  otherwise: 10_000,
})
export const listen: Optional<string> = setting<string | undefined>('loader.listen', {
  flag: '--listen <[host:]port>',
  shape: text,
  says: 'where it serves /healthz, /readyz, /lag and /metrics; port 0 takes a free one',
  otherwise: undefined,
  otherwiseSays: 'nowhere',
})

export const LOADER_SETTINGS: readonly AnySetting[] = [module, share, lookback, maxQueue, drain, listen]
