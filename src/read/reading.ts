/**
 * One read of a namespace: what its steps pass on, and what becomes of it.
 *
 * @module
 */
import type { StoredEntry } from '../store/entry.ts'
import type { LoadResult, ReadCall } from './flight.ts'
import type { ReadTerms } from './freshness-gate.ts'
import type { LoadSettings } from '../api/load-settings.ts'
import type { TokenPositions } from '../wire/token.ts'
import type { Entry, ScopeRead } from '../api/read-types.ts'
import type { LoadOptions } from '../api/load-types.ts'

/** Reports the read of one key. */
export type ReportRead = (key: string, read: Pick<ScopeRead, 'entry' | 'error'>) => void

/** One read, as its steps pass it on. */
export interface ReadContext<T> extends ReadTerms {
  readonly load: LoadSettings
  /** Those of the call. */
  readonly options: LoadOptions<T> | undefined
  readonly call: ReadCall<T> | undefined
  /** Positions of set values that the read must see, where the cache follows the updates topic. */
  readonly awaited: TokenPositions | undefined
  /** The keys of this read that are still loaded. */
  loading: Set<string> | undefined
  /** Its keys that are held, though their TTL is over. */
  expired: Set<string> | undefined
}

/** The entry of a read that found no value. */
export const MISS = {
  state: 'miss',
  value: undefined,
  ageMs: 0,
  ttlMs: 0,
  cached: false,
  stored: false,
} as const

/** A value that is held, with what is known about it. */
export function heldEntry<T>(
  entry: StoredEntry<T>,
  now: number,
  staleBecause?: Entry<T>['staleBecause'],
): Entry<T> {
  return {
    state: staleBecause === undefined ? 'fresh' : 'stale',
    value: entry.value,
    ageMs: now - entry.loadedAt,
    ttlMs: entry.freshUntil - now,
    ...(staleBecause && { staleBecause }),
    cached: true,
    from: 'memory',
    stored: false,
    bypassed: false,
  }
}

/** What a load has brought, a value or none, with what is known about it. */
export function loadedEntry<T>(
  { value, stored, refused, loadedAt, ttlMs, fromTier }: LoadResult<T>,
  now: number,
  bypassed: boolean,
  expired: boolean,
): Entry<T> {
  const ageMs = now - loadedAt
  const cached = fromTier === true
  const entry: Entry<T> =
    value === undefined
      ? { ...MISS, ageMs, ttlMs: ttlMs - ageMs, stored, bypassed }
      : {
          state: 'fresh',
          value,
          ageMs,
          ttlMs: ttlMs - ageMs,
          cached,
          from: cached ? 'tier' : 'loader',
          stored,
          bypassed,
        }
  // Few have these: without a copy all others have one shape.
  return expired || refused ? { ...entry, ...(expired && { expired }), ...(refused && { refused }) } : entry
}
