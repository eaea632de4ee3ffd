/**
 * What OTLP calls metrics and data points, as JSON has them: enums are numbers, 64-bit integers are texts.
 * Source: opentelemetry-proto 1.x, `metrics.proto`, and the OTLP specification, "JSON Protobuf Encoding".
 *
 * @module
 */

/** What a point differs by from others, beside its metric. */
export type Attributes = Readonly<Record<string, string | number | boolean>>

interface KeyValue {
  readonly key: string
  readonly value:
    | { readonly stringValue: string }
    | { readonly intValue: string }
    | { readonly doubleValue: number }
    | { readonly boolValue: boolean }
}

interface DataPoint {
  readonly attributes: readonly KeyValue[]
  readonly startTimeUnixNano?: string
  readonly timeUnixNano: string
}

interface NumberPoint extends DataPoint {
  readonly asInt?: string
  readonly asDouble?: number
}

export interface HistogramPoint extends DataPoint {
  readonly count: string
  readonly sum: number
  readonly min: number
  readonly max: number
  readonly bucketCounts: readonly string[]
  readonly explicitBounds: readonly number[]
}

/** `AGGREGATION_TEMPORALITY_DELTA`: what came since the last push, so that an isolate need not live long to count. */
const DELTA = 1

export interface Metric {
  readonly name: string
  readonly description: string
  readonly unit: string
  readonly sum?: {
    readonly aggregationTemporality: typeof DELTA
    readonly isMonotonic: true
    readonly dataPoints: readonly NumberPoint[]
  }
  readonly gauge?: { readonly dataPoints: readonly NumberPoint[] }
  readonly histogram?: {
    readonly aggregationTemporality: typeof DELTA
    readonly dataPoints: readonly HistogramPoint[]
  }
}

/** What a metric is called, and in what it counts. */
export interface Named {
  readonly name: string
  readonly description: string
  readonly unit: string
}

/** Beginning and end of what a push tells, in milliseconds since 1970. */
export interface Interval {
  readonly since: number
  readonly until: number
}

/** Nanoseconds, which a double does not hold. */
const nano = (ms: number): string => (ms > 0 ? `${Math.trunc(ms)}000000` : '0')

export const times = ({
  since,
  until,
}: Interval): { readonly startTimeUnixNano: string; readonly timeUnixNano: string } => ({
  startTimeUnixNano: nano(Math.min(since, until)),
  timeUnixNano: nano(until),
})

export const attributesOf = (attributes: Attributes): KeyValue[] =>
  Object.entries(attributes).map(([key, value]) => ({ key, value: valueOf(value) }))

function valueOf(value: string | number | boolean): KeyValue['value'] {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value }
}

const nameOf = ({ name, description, unit }: Named): Named => ({ name, description, unit })

/** @param value how much was added within the interval */
export const sumOf = (named: Named, value: number, interval: Interval): Metric => ({
  ...nameOf(named),
  sum: {
    aggregationTemporality: DELTA,
    isMonotonic: true,
    dataPoints: [{ attributes: [], ...times(interval), asInt: String(value) }],
  },
})

export const gaugeOf = (named: Named, value: number, { until }: Interval): Metric => ({
  ...nameOf(named),
  gauge: { dataPoints: [{ attributes: [], timeUnixNano: nano(until), asDouble: value }] },
})

export const histogramOf = (named: Named, dataPoints: readonly HistogramPoint[]): Metric => ({
  ...nameOf(named),
  histogram: { aggregationTemporality: DELTA, dataPoints },
})

/** The body of a push: `ExportMetricsServiceRequest`. */
export const requestBody = (resource: Attributes, metrics: readonly Metric[]): string =>
  JSON.stringify({
    resourceMetrics: [
      {
        resource: { attributes: attributesOf(resource) },
        scopeMetrics: [{ scope: { name: 'kedge' }, metrics }],
      },
    ],
  })
