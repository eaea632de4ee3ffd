/** Settings of the doctor: the options of the caches that it measures a proxy against. @module */
import { setting } from '../setting.ts'
import type { AnySetting, Setting } from '../setting.ts'
import { length } from '../value-types.ts'

export const pollTimeout: Setting<number> = setting('pollTimeout', {
  flag: '--poll-timeout <duration>',
  shape: length,
  says: '`pollTimeout` of the caches: how long a held value waits for a poll',
  otherwise: 500,
})
export const maxStaleness: Setting<number> = setting('maxStaleness', {
  flag: '--max-staleness <duration>',
  shape: length,
  says: '`maxStaleness` of the caches',
  otherwise: 2000,
})

export const DOCTOR_SETTINGS: readonly AnySetting[] = [pollTimeout, maxStaleness]
