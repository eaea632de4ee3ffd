/** What holds for one load: its lifetimes, deadlines and tags. @module */
import { durationMs, msOf } from '../runtime/duration.ts'
import type { Windows } from '../store/entry.ts'
import { ttlOver, windowOver } from './lifetime-options.ts'
import type { OwnWindows } from './lifetime-options.ts'
import { checkOptions } from './option-schemas.ts'
import type { Duration } from '../runtime/duration.ts'
import type { LoadOptions } from './load-types.ts'

/** What holds for one load: the options of the call over those of the namespace over those of the cache. */
export interface LoadSettings extends OwnWindows {
  readonly ttl: Duration | ((value: never) => Duration | undefined)
  /** Of values that have none of their own. */
  readonly swrMs: number
  readonly staleIfErrorMs: number
  readonly jitter: number
  /** `Infinity` for none. */
  readonly timeoutMs: number
  readonly hardTimeoutMs: number
  readonly tags: readonly string[] | ((value: never) => readonly string[]) | undefined
  /** The lifetime of every value, where it does not depend on the value or on chance, and values have no tags. */
  readonly fixed: Lifetime | undefined
}

/** How long one value lives, and its tags. */
export interface Lifetime {
  readonly ttlMs: number
  /** How long past its TTL it may be of use. */
  readonly keepMs: number
  /** Its own windows, where it says so. */
  readonly windows: Windows | undefined
  readonly tags: readonly string[] | undefined
}

export const LOAD_DEFAULTS: LoadSettings = {
  ttl: '5m',
  swrMs: 0,
  staleIfErrorMs: 0,
  jitter: 0,
  timeoutMs: Infinity,
  hardTimeoutMs: 30_000,
  tags: undefined,
  fixed: undefined,
}

/**
 * What holds for a call with these options.
 * @throws TypeError quoting the option that is wrong.
 */
export function loadSettings<T>(options: LoadOptions<T> | undefined, base: LoadSettings): LoadSettings {
  if (options === undefined) return base
  checkOptions(options, 'load')
  return nearerLoadSettings(base, options)
}

/** The nearer options over what holds farther away. */
export function nearerLoadSettings(base: LoadSettings, options: LoadOptions<never>): LoadSettings {
  // Refused now, and not by the first load.
  msOf(options, 'ttl', 0)
  const settings = {
    ttl: ttlOver(options.ttl, base.ttl),
    swrMs: msOf(options, 'swr', base.swrMs),
    staleIfErrorMs: msOf(options, 'staleIfError', base.staleIfErrorMs),
    swrOf: windowOver(options.swr, base.swrOf),
    staleIfErrorOf: windowOver(options.staleIfError, base.staleIfErrorOf),
    jitter: options.jitter ?? base.jitter,
    timeoutMs: msOf(options, 'timeout', base.timeoutMs),
    hardTimeoutMs: msOf(options, 'hardTimeout', base.hardTimeoutMs),
    tags: options.tags ?? base.tags,
  }
  return { ...settings, fixed: fixedLifetime(settings) }
}

function fixedLifetime({
  ttl,
  tags,
  jitter,
  swrMs,
  staleIfErrorMs,
  swrOf,
  staleIfErrorOf,
}: Omit<LoadSettings, 'fixed'>): Lifetime | undefined {
  const depends = typeof ttl === 'function' || swrOf !== undefined || staleIfErrorOf !== undefined
  if (depends || tags !== undefined || jitter !== 0) return undefined
  const keepMs = Math.max(swrMs, staleIfErrorMs)
  return { ttlMs: durationMs(ttl, 'ttl'), keepMs, windows: undefined, tags: undefined }
}
