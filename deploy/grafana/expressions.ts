/** Expressions of PromQL, narrowed to the jobs and instances that are chosen on the board. @module */

const CHOSEN = 'job=~"$job", instance=~"$instance"'

/** The series of a metric. */
export const series = (name: string): string => `${name}{${CHOSEN}}`

/** How fast a counter rises, in a second. */
export const rate = (name: string): string => `rate(${series(name)}[$__rate_interval])`

/** The same of the sidecar and of caches in programs, whose metrics have other prefixes; to be aggregated. */
export const ofCaches = (of: (prefix: string) => string): string =>
  `${of('kedge_serve_')} or ${of('kedge_cache_')}`

export const sum = (labels: string, of: string): string => `sum by (${labels}) (${of})`
export const max = (labels: string, of: string): string => `max by (${labels}) (${of})`
export const min = (labels: string, of: string): string => `min by (${labels}) (${of})`

/**
 * A quantile of durations, from the buckets of a histogram.
 *
 * @param buckets made with the name of the histogram; `ofCaches` where two have the same
 * @param labels those that stay; none where it is empty
 */
export const quantile = (share: number, labels: string, buckets: string): string =>
  `histogram_quantile(${share}, ${sum(labels === '' ? 'le' : `le, ${labels}`, buckets)})`

/** Of a cache's histogram, of both prefixes. */
export const cacheQuantile = (share: number, labels: string, histogram: string): string =>
  quantile(
    share,
    labels,
    ofCaches((prefix) => rate(`${prefix}${histogram}_bucket`)),
  )

/** Counters of caches, of both prefixes. */
export const cacheRate = (labels: string, counter: string): string =>
  sum(
    labels,
    ofCaches((prefix) => rate(`${prefix}${counter}`)),
  )

/** How far readers are behind: what two processes read counts once. */
export const LAG: string = sum(
  'topic, consumer_group',
  max('topic, consumer_group, partition', series('kafka_consumer_lag')),
)
