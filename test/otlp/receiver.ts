/**
 * What takes OTLP/JSON as the protocol has it, and refuses everything else with 400: no unknown field, enums as numbers,
 * 64-bit integers as decimal texts. Written from `metrics.proto`, `common.proto` and `resource.proto` of opentelemetry-proto
 * 1.x, and from the OTLP specification's "JSON Protobuf Encoding".
 *
 * @module
 */
import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import * as z from 'zod'

const uint64 = z.string().regex(/^(?:0|[1-9]\d{0,19})$/)
const int64 = z.string().regex(/^(?:0|-?[1-9]\d{0,18})$/)
const AnyValue = z.union([
  z.strictObject({ stringValue: z.string() }),
  z.strictObject({ intValue: int64 }),
  z.strictObject({ doubleValue: z.number() }),
  z.strictObject({ boolValue: z.boolean() }),
])
const Attributes = z
  .array(z.strictObject({ key: z.string().min(1), value: AnyValue }))
  .refine((all) => new Set(all.map(({ key }) => key)).size === all.length, 'keys must be unique')
/** Of this century: a beginning of 0 would be "unknown", and a double would have lost the last digits. */
const time = uint64.refine((nano) => BigInt(nano) > 1_500_000_000_000_000_000n, 'is no time of today')
const between = { startTimeUnixNano: time, timeUnixNano: time }
const isInterval = ({
  startTimeUnixNano,
  timeUnixNano,
}: {
  startTimeUnixNano: string
  timeUnixNano: string
}) => BigInt(startTimeUnixNano) <= BigInt(timeUnixNano)

const DELTA = z.literal(1)
const SumPoint = z.strictObject({ attributes: Attributes, ...between, asInt: int64 }).refine(isInterval)
const GaugePoint = z.strictObject({ attributes: Attributes, timeUnixNano: time, asDouble: z.number() })
const HistogramPoint = z
  .strictObject({
    attributes: Attributes,
    ...between,
    count: uint64,
    sum: z.number().min(0),
    min: z.number().min(0),
    max: z.number().min(0),
    bucketCounts: z.array(uint64),
    explicitBounds: z.array(z.number()),
  })
  .refine(isInterval)
  .refine(({ bucketCounts, explicitBounds }) => bucketCounts.length === explicitBounds.length + 1)
  .refine(
    ({ bucketCounts, count }) => bucketCounts.reduce((sum, each) => sum + BigInt(each), 0n) === BigInt(count),
  )
  .refine(({ explicitBounds }) =>
    explicitBounds.every((bound, at) => at === 0 || bound > explicitBounds[at - 1]!),
  )
  .refine(({ min, max, sum, count }) => min <= max && sum <= max * Number(count) + 1e-9)

const named = {
  name: z.string().regex(/^[a-zA-Z][\w.\-/]{0,254}$/),
  description: z.string(),
  unit: z.string().max(63),
}
const Metric = z.union([
  z.strictObject({
    ...named,
    sum: z.strictObject({
      aggregationTemporality: DELTA,
      isMonotonic: z.literal(true),
      dataPoints: z.array(SumPoint.refine(({ asInt }) => !asInt.startsWith('-'))).min(1),
    }),
  }),
  z.strictObject({ ...named, gauge: z.strictObject({ dataPoints: z.array(GaugePoint).min(1) }) }),
  z.strictObject({
    ...named,
    histogram: z.strictObject({ aggregationTemporality: DELTA, dataPoints: z.array(HistogramPoint).min(1) }),
  }),
])

const ExportMetricsServiceRequest = z.strictObject({
  resourceMetrics: z.array(
    z.strictObject({
      resource: z.strictObject({ attributes: Attributes }),
      scopeMetrics: z.array(
        z.strictObject({
          scope: z.strictObject({ name: z.string() }),
          metrics: z
            .array(Metric)
            .refine(
              (all) => new Set(all.map(({ name }) => name)).size === all.length,
              'names must be unique',
            ),
        }),
      ),
    }),
  ),
})

type Attribute = string | number | boolean

/** A push, as a test looks at it. */
export interface Pushed {
  readonly resource: Readonly<Record<string, Attribute>>
  /** What counters have added, what gauges say, the counts of histograms, by name and attributes: `a{b="c"}`. */
  readonly values: Readonly<Record<string, number>>
  /** Sums of the histograms. */
  readonly sums: Readonly<Record<string, number>>
  /** Upper bounds of the buckets that are not empty, and how often, by series. */
  readonly buckets: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** Beginning and end of its deltas, in milliseconds. */
  readonly interval: readonly [since: number, until: number]
  readonly bytes: number
  readonly points: number
}

const plain = (attributes: z.infer<typeof Attributes>): Record<string, Attribute> =>
  Object.fromEntries(
    attributes.map(({ key, value }) => {
      if ('intValue' in value) return [key, Number(value.intValue)]
      return [key, Object.values(value)[0] as Attribute]
    }),
  )

const seriesOf = (name: string, attributes: z.infer<typeof Attributes>): string => {
  const told = Object.entries(plain(attributes)).map(([key, value]) => `${key}=${JSON.stringify(value)}`)
  return told.length === 0 ? name : `${name}{${told.join(',')}}`
}

const ms = (nano: string): number => Number(BigInt(nano) / 1_000_000n)

/** @throws ZodError for what is not as the protocol has it. */
export function readPush(body: string): Pushed {
  const { resourceMetrics } = ExportMetricsServiceRequest.parse(JSON.parse(body))
  const [only] = resourceMetrics
  const values: Record<string, number> = {}
  const sums: Record<string, number> = {}
  const buckets: Record<string, Record<string, number>> = {}
  let interval: readonly [number, number] = [0, 0]
  let points = 0
  for (const metric of only!.scopeMetrics.flatMap(({ metrics }) => metrics)) {
    if ('gauge' in metric)
      for (const { attributes, asDouble } of metric.gauge.dataPoints) {
        values[seriesOf(metric.name, attributes)] = asDouble
        points++
      }
    else {
      const { dataPoints } = 'sum' in metric ? metric.sum : metric.histogram
      for (const point of dataPoints) {
        const series = seriesOf(metric.name, point.attributes)
        if (series in values) throw new Error(`${series} is there twice`)
        values[series] = Number('asInt' in point ? point.asInt : point.count)
        if ('sum' in point) {
          sums[series] = point.sum
          buckets[series] = Object.fromEntries(
            point.bucketCounts.flatMap((count, at) =>
              count === '0' ? [] : [[String(point.explicitBounds[at] ?? 'Infinity'), Number(count)]],
            ),
          )
        }
        interval = [ms(point.startTimeUnixNano), ms(point.timeUnixNano)]
        points++
      }
    }
  }
  return {
    resource: plain(only!.resource.attributes),
    values,
    sums,
    buckets,
    interval,
    bytes: body.length,
    points,
  }
}

export interface Receiver extends AsyncDisposable {
  readonly url: string
  readonly pushes: Pushed[]
  /** What it has refused. */
  readonly faults: string[]
  readonly headers: Readonly<Record<string, string | string[] | undefined>>[]
  /** What it answers instead of 200; a promise holds the answer. */
  answer: () =>
    | { readonly status: number; readonly headers?: Record<string, string> }
    | Promise<never>
    | undefined
  close(): Promise<void>
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const bytes = Buffer.concat(chunks)
  return (request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString('utf8')
}

/** Listens on loopback. */
export async function startReceiver(): Promise<Receiver> {
  const pushes: Pushed[] = []
  const faults: string[] = []
  const headers: Receiver['headers'] = []
  const server = createServer((request, response) => {
    void (async () => {
      const body = await bodyOf(request)
      headers.push(request.headers)
      const said = await receiver.answer()
      if (said) {
        response.writeHead(said.status, said.headers).end()
        return
      }
      try {
        if (request.method !== 'POST' || request.url !== '/v1/metrics')
          throw new Error(`${request.method} ${request.url}`)
        if (request.headers['content-type'] !== 'application/json') throw new Error('content-type')
        pushes.push(readPush(body))
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"partialSuccess":{}}')
      } catch (error) {
        faults.push(String(error))
        response.writeHead(400).end()
      }
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pushes,
    faults,
    headers,
    answer: () => undefined,
    close,
    [Symbol.asyncDispose]: close,
  }
  return receiver
}
