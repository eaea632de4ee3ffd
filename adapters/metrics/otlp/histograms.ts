/** Durations since the last push, as histograms: so many series at most, whatever comes. @module */
import { attributesOf, histogramOf, times } from './points.ts'
import type { Attributes, HistogramPoint, Interval, Metric, Named } from './points.ts'

/** A metric of durations. Its unit is the second. */
export interface Timed extends Named {
  /** Upper bounds of the buckets, in seconds. */
  readonly bounds: readonly number[]
}

interface Series {
  readonly timed: Timed
  readonly attributes: Attributes
  readonly counts: number[]
  count: number
  sum: number
  min: number
  max: number
}

/** Series at once, of all metrics together: about 700 bytes each in a body. */
const MAX_SERIES = 500
/** The attribute that OpenTelemetry's SDKs give to the series of all that is beyond the bound. */
const OVERFLOW: Attributes = { 'otel.metric.overflow': true }

export class Histograms {
  #series = new Map<string, Series>()

  /** @param attributes always in the same order for one metric */
  record(timed: Timed, ms: number, attributes: Attributes): void {
    const series = this.#seriesOf(timed, attributes)
    const seconds = Math.max(0, ms) / 1000
    const at = timed.bounds.findIndex((bound) => seconds <= bound)
    series.counts[at < 0 ? timed.bounds.length : at]!++
    series.count++
    series.sum += seconds
    series.min = Math.min(series.min, seconds)
    series.max = Math.max(series.max, seconds)
  }

  /** The metrics of the interval; the next one begins empty. */
  take(interval: Interval): Metric[] {
    const points = new Map<Timed, HistogramPoint[]>()
    for (const series of this.#series.values()) {
      const { timed } = series
      points.set(timed, [...(points.get(timed) ?? []), pointOf(series, interval)])
    }
    this.#series = new Map()
    return [...points].map(([timed, of]) => histogramOf(timed, of))
  }

  #seriesOf(timed: Timed, attributes: Attributes): Series {
    const key = JSON.stringify([timed.name, ...Object.values(attributes)])
    const known = this.#series.get(key)
    if (known) return known
    // The last places are for what stands for all the others, one for each metric.
    if (this.#series.size >= MAX_SERIES && attributes !== OVERFLOW) return this.#seriesOf(timed, OVERFLOW)
    const counts = Array.from({ length: timed.bounds.length + 1 }, () => 0)
    const series = { timed, attributes, counts, count: 0, sum: 0, min: Infinity, max: 0 }
    this.#series.set(key, series)
    return series
  }
}

const pointOf = (
  { timed, attributes, counts, count, sum, min, max }: Series,
  interval: Interval,
): HistogramPoint => ({
  attributes: attributesOf(attributes),
  ...times(interval),
  count: String(count),
  sum,
  min,
  max,
  bucketCounts: counts.map(String),
  explicitBounds: timed.bounds,
})
