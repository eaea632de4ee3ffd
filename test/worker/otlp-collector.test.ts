/** OpenTelemetry's collector, to which a worker in workerd pushes. */
import process from 'node:process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { collector, collectorMissing, startCollector } from '../otlp/collector.ts'
import type { RunningCollector } from '../otlp/collector.ts'
import type { Client } from './miniflare-client.ts'
import { until } from './miniflare-until.ts'
import { startWorld } from './miniflare-world.ts'
import type { World } from './miniflare-world.ts'

const PUSHING = new URL('../../worker/cloudflare-otlp.ts', import.meta.url)
const missing = collectorMissing()
if (missing !== undefined) {
  if (process.env['KEDGE_EXTENDED'] !== undefined)
    throw new Error(`The extended run needs a collector: ${missing}`)
  process.stderr.write(`\nNOT TESTED with OpenTelemetry's collector: ${missing}\n`)
}

interface Point {
  readonly asInt?: string
  readonly count?: string
}
interface Taken {
  readonly resourceMetrics: readonly {
    readonly scopeMetrics: readonly {
      readonly metrics: readonly {
        readonly name: string
        readonly sum?: { readonly aggregationTemporality: number; readonly dataPoints: readonly Point[] }
        readonly histogram?: {
          readonly aggregationTemporality: number
          readonly dataPoints: readonly Point[]
        }
      }[]
    }[]
  }[]
}

describe.skipIf(missing)("OpenTelemetry's collector", () => {
  let running: RunningCollector
  let world: World
  let client: Client
  beforeAll(async () => {
    await collector()
    running = await startCollector()
    world = await startWorld({ a: 'row' })
    client = await world.isolate({
      entry: PUSHING,
      bindings: {
        OTEL_EXPORTER_OTLP_ENDPOINT: running.url,
        OTEL_METRIC_EXPORT_INTERVAL: '100',
        OTEL_SERVICE_NAME: 'shop',
      },
    })
  }, 1_800_000)
  afterAll(async () => {
    await world?.close()
    await running?.stop()
  })

  /** What came of the lines, by name. */
  const metricsOf = (lines: readonly string[], name: string) =>
    lines
      .flatMap((line) => (JSON.parse(line) as Taken).resourceMetrics)
      .flatMap(({ scopeMetrics }) => scopeMetrics)
      .flatMap(({ metrics }) => metrics)
      .filter((metric) => metric.name === name)

  it('takes every push of a worker in workerd', async () => {
    for (let nth = 0; nth < 5; nth++) await client.read('a')
    await until(async () => {
      await client.ask('/healthz')
      const told = metricsOf(await running.taken(), 'kedge.cache.hits')
      return told.reduce((sum, { sum: of }) => sum + Number(of!.dataPoints[0]!.asInt), 0) === 4
    }, 'the collector has all hits')
    // Without what it leaves out, which is empty or 0.
    const [line = ''] = await running.taken()
    expect(line).toContain('"service.name"')
    expect(line).toContain('"aggregationTemporality":1')
  })

  it('adds the deltas up to what was counted: their intervals fit together', async () => {
    await until(async () => {
      await client.ask('/healthz')
      const [hits] = metricsOf(await running.cumulative(), 'kedge.cache.hits').slice(-1)
      return hits?.sum?.dataPoints[0]?.asInt === '4' && hits.sum.aggregationTemporality === 2
    }, 'the sum of the deltas is that of the hits')
    const [requests] = metricsOf(await running.cumulative(), 'http.server.request.duration').slice(-1)
    expect(requests?.histogram?.aggregationTemporality).toBe(2)
  })
})
