/**
 * The metrics of a cache, pushed as OTLP/JSON at the boundaries of requests, to a receiver that prints them.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Hono } from 'hono'
import { createCache } from 'kedge'
import { otlpMetrics } from 'kedge/adapters/otlp'
import { memory } from 'kedge/testing'
import { kedge, type KedgeEnv } from 'kedge/worker'

interface Metric {
  readonly name: string
  readonly sum?: { readonly dataPoints: readonly { readonly asInt: string }[] }
}

// Stands for an OpenTelemetry collector.
const received: Metric[] = []
const collector = createServer((request, response) => {
  let body = ''
  request.on('data', (chunk: Buffer) => (body += chunk.toString()))
  request.on('end', () => {
    const { resourceMetrics } = JSON.parse(body) as {
      resourceMetrics: { scopeMetrics: { metrics: Metric[] }[] }[]
    }
    received.push(...resourceMetrics[0]!.scopeMetrics[0]!.metrics)
    response.end('{}')
  })
})
await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
const { port } = collector.address() as AddressInfo

const cache = createCache({ kafka: memory() })
cache.namespace<{ name: string }>('users')
const metrics = otlpMetrics(cache, {
  url: `http://127.0.0.1:${port}`,
  service: 'shop',
  onError: (error) => console.error(error),
})

const app = new Hono<KedgeEnv>()
app.use(kedge(cache, { metrics, status: true, timing: true }))
app.get('/users/:id', async (c) => {
  const users = c.var.cache.namespace<{ name: string }>('users')
  return c.json(await users.getOrSet(c.req.param('id'), () => ({ name: 'Ada' })))
})

await cache.sync()
await app.request('/users/7')
const answer = await app.request('/users/7')
console.log(answer.headers.get('cache-status'), '|', answer.headers.get('server-timing'))

// A process that ends tells the rest; while it runs, requests do.
await metrics.flush()
const added = (name: string): number =>
  received
    .filter((metric) => metric.name === name)
    .reduce((sum, metric) => sum + Number(metric.sum!.dataPoints[0]!.asInt), 0)
assert.equal(added('kedge.cache.hits'), 1)
assert.equal(added('kedge.cache.loads'), 1)
assert.ok(received.some(({ name }) => name === 'http.server.request.duration'))

collector.close()
await cache.close()
console.log('pushed: kedge.cache.hits', added('kedge.cache.hits'))
