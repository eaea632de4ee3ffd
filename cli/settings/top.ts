/** Settings of `kedge top`. @module */
import { setting } from '../setting.ts'
import type { AnySetting, Setting } from '../setting.ts'
import { length } from '../value-types.ts'

export const interval: Setting<number> = setting('top.interval', {
  flag: '--interval <duration>',
  shape: length.refine((ms) => ms >= 200, { error: 'must be at least 200ms' }),
  says: 'how often it looks, from 200ms on',
  otherwise: 1000,
  otherwiseSays: '1s',
})

export const TOP_SETTINGS: readonly AnySetting[] = [interval]
