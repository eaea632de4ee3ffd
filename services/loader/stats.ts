/** What a loader service counts. @module */

/** Counters since construction, and present gauges. */
export interface LoaderStats {
  /** Requests that were read. */
  readonly requests: number
  /** Requests for namespaces that the service does not serve. */
  readonly foreign: number
  /** Requests that an earlier publication answers, because their asker will read it. */
  readonly answered: number
  readonly expired: number
  readonly overflowed: number
  readonly failing: number
  readonly unshareable: number
  readonly unreadable: number
  /** Calls of loaders. */
  readonly loads: number
  /** Keys in these calls. */
  readonly loaded: number
  /** Values published again from the service's own cache. */
  readonly republished: number
  /** Keys whose load, or publication, failed. */
  readonly failed: number
  /** Values whose publication was acknowledged. */
  readonly values: number
  /** Keys that were published as having no value. */
  readonly none: number
  /** Keys that wait now. */
  readonly queued: number
  /** Keys under load now. */
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
  /** Unread requests in the log, over all partitions that the service reads. */
  readonly records: number
  /** Keys that wait to be loaded. */
  readonly queued: number
  /** How long the oldest of them has waited, in milliseconds. */
  readonly ageMs: number
  readonly partitions: readonly {
    readonly partition: number
    readonly position: number
    readonly end: number
  }[]
}
