/** What a loader service counts. @module */

/** Counters since construction, and gauges of this moment. */
export interface LoaderStats {
  /** Requests that were taken in. */
  readonly requests: number
  /** Of these: for namespaces that are not served here. */
  readonly foreign: number
  /** Of these: answered already, where their asker is sure to read it. */
  readonly answered: number
  readonly expired: number
  readonly overflowed: number
  readonly failing: number
  readonly unshareable: number
  readonly unreadable: number
  /** Calls of loaders. */
  readonly loads: number
  /** Keys that were asked of them. */
  readonly loaded: number
  /** Values published again, out of the service's own cache. */
  readonly republished: number
  /** Keys whose load, or publication, failed. */
  readonly failed: number
  /** Values whose publication was acknowledged. */
  readonly values: number
  /** Keys of which it was published that they have no value. */
  readonly none: number
  /** Keys that wait at this moment. */
  readonly queued: number
  /** Keys that are loaded at this moment. */
  readonly loading: number
}

export type LoaderCounters = { -readonly [K in Exclude<keyof LoaderStats, 'queued' | 'loading'>]: number }

export const newLoaderCounters = (): LoaderCounters => ({
  requests: 0,
  foreign: 0,
  answered: 0,
  expired: 0,
  overflowed: 0,
  failing: 0,
  unshareable: 0,
  unreadable: 0,
  loads: 0,
  loaded: 0,
  republished: 0,
  failed: 0,
  values: 0,
  none: 0,
})

/** How far a service is behind. */
export interface LoaderLag {
  /** Requests in the log that were not read yet, over its partitions. */
  readonly records: number
  /** Keys that wait to be loaded. */
  readonly queued: number
  /** How long the oldest of them has waited, in milliseconds. */
  readonly ageMs: number
}
