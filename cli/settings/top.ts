/** Settings of `kedge top`. @module */
import { setting } from '../setting.ts'
import type { AnySetting, Setting } from '../setting.ts'
import { length, text } from '../value-types.ts'

export const interval: Setting<number> = setting('top.interval', {
  flag: '--interval <duration>',
  shape: length.refine((ms) => ms >= 200, { error: 'must be at least 200ms' }),
  says: 'how often it looks, from 200ms on',
  otherwise: 1000,
  otherwiseSays: '1s',
})

export const live: Setting<string | undefined> = setting<string | undefined>('top.live', {
  flag: '--live <address>',
  shape: text,
  says: 'show evictions as they come: the address of a process with a live page, without /ui',
  otherwise: undefined,
})

export const liveCredential: Setting<string | undefined> = setting<string | undefined>('top.liveCredential', {
  flag: '--live-credential <secret>',
  shape: text,
  says: 'a token, or user:password, for --live',
  otherwise: undefined,
  secret: true,
})

export const TOP_SETTINGS: readonly AnySetting[] = [interval, live, liveCredential]
