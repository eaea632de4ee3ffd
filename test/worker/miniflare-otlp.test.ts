import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startReceiver } from '../otlp/receiver.ts'
import type { Receiver } from '../otlp/receiver.ts'
import type { Client } from './miniflare-client.ts'
import { until } from './miniflare-until.ts'
import { startWorld } from './miniflare-world.ts'
import type { World } from './miniflare-world.ts'

/** The worker that pushes, as it is deployed. */
const PUSHING = new URL('../../worker/cloudflare-otlp.ts', import.meta.url)
const INTERVAL_MS = 100

let world: World
let receiver: Receiver
let client: Client
beforeAll(async () => {
  receiver = await startReceiver()
  world = await startWorld({ a: 'row' })
  client = await world.isolate({
    entry: PUSHING,
    bindings: {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=k7',
      OTEL_EXPORTER_OTLP_TIMEOUT: '500',
      OTEL_METRIC_EXPORT_INTERVAL: String(INTERVAL_MS),
      OTEL_SERVICE_NAME: 'shop',
      SERVER_TIMING: 'on',
    },
  })
})
afterAll(async () => {
  await world?.close()
  await receiver?.close()
})

/** What all pushes so far have added up to. */
function total(name: string): number {
  return receiver.pushes.reduce((sum, { values }) => sum + (values[name] ?? 0), 0)
}

/** Requests until what they have left has been pushed. */
async function pushed(holds: () => boolean, what: string): Promise<void> {
  await until(async () => {
    await client.ask('/healthz')
    return holds()
  }, what)
}

describe('The worker in workerd, with the variables of OpenTelemetry', () => {
  it('pushes what it counts, as OTLP has it', async () => {
    await client.read('a')
    await client.read('a')
    await client.read('a')
    await pushed(() => total('kedge.cache.hits') >= 2, 'hits were pushed')
    expect(receiver.faults).toEqual([])
    expect(total('kedge.cache.loads')).toBe(1)
    expect(total('kedge.cache.load.duration{kedge.namespace="rows",kedge.outcome="ok"}')).toBe(1)
    expect(receiver.headers.every((each) => each['api-key'] === 'k7')).toBe(true)
    expect(receiver.pushes.at(-1)!.resource).toMatchObject({
      'service.name': 'shop',
      'cloud.provider': 'cloudflare',
      'cloud.platform': 'cloudflare.workers',
    })
  })

  it('counts requests by the pattern of their route, refused ones too', async () => {
    const series = (method: string, status: number, route?: string) =>
      `http.server.request.duration{http.request.method="${method}",url.scheme="http",http.response.status_code=${status}${route === undefined ? '' : `,http.route="${route}"`}}`
    await client.ask('/cache/rows/secret-key')
    await client.ask('/cache/rows/batch', { method: 'POST', body: { keys: ['a'] } })
    await client.ask('/nowhere/secret')
    await client.ask('/cache/rows/a', { method: 'PATCH' })
    await pushed(() => total(series('PATCH', 405, '/cache/:namespace/:key')) === 1, 'all were pushed')
    expect(total(series('GET', 404, '/cache/:namespace/:key'))).toBe(1)
    expect(total(series('POST', 200, '/cache/:namespace/batch'))).toBe(1)
    expect(total(series('GET', 404))).toBe(1)
    expect(JSON.stringify(receiver.pushes)).not.toContain('secret')
  })

  it('begins its intervals with its first request, not in 1970', () => {
    const [[since]] = receiver.pushes.map(({ interval }) => interval) as [readonly [number, number]]
    expect(Date.now() - since).toBeLessThan(600_000)
  })

  it('answers as fast, and the same, while the receiver hangs or is away', async () => {
    const before = receiver.headers.length
    receiver.answer = () => new Promise<never>(() => undefined)
    await pushed(() => receiver.headers.length > before, 'one push hangs')
    const began = performance.now()
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.read('a')))
    // It would be half a second at least, were one of them to wait for the push.
    expect(performance.now() - began).toBeLessThan(450)
    expect(answers.every(({ status, value }) => status === 200 && value === 'row')).toBe(true)
    // One at a time: those requests have begun no other.
    expect(receiver.headers.length).toBe(before + 1)
    receiver.answer = () => ({ status: 503 })
    await pushed(() => receiver.headers.length > before + 1, 'another came after its deadline')
    receiver.answer = () => undefined
    await pushed(() => total('kedge.cache.push_failures') >= 2, 'a push says that they failed')
    expect(receiver.faults).toEqual([])
  })

  it('tells how long a read took, by the clock that goes while it waits', async () => {
    world.source.rows.set('slow', 'row')
    const gate = world.source.hold('slow', 1)
    const reading = client.ask('/cache/rows/slow')
    await gate.caughtAtLeast(1)
    await new Promise((resolve) => setTimeout(resolve, 60))
    gate.open()
    const { headers } = await reading
    const [, dur = '0'] =
      /^kedge;desc="miss";dur=(\d+), .*kedge-load;dur=\d+$/.exec(headers.get('server-timing') ?? '') ?? []
    expect(Number(dur)).toBeGreaterThanOrEqual(50)
    expect((await client.ask('/cache/rows/slow')).headers.get('server-timing')).toMatch(/^kedge;desc="hit"/)
  })
})

describe('The worker that does not push', () => {
  it('refuses the variables instead of passing them over, and says what to do', async () => {
    const { startIsolate } = await import('./miniflare-isolate.ts')
    const { bundle } = await import('../runtime/bundle.ts')
    const { code } = await bundle(new URL('../../worker/cloudflare.ts', import.meta.url), {
      external: ['cloudflare:*'],
    })
    const running = await startIsolate(code, {
      KAFKA_REST_URL: world.gateway.url,
      KAFKA_FLAVOR: 'gateway',
      AUTH: 'open',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    })
    try {
      const answer = await fetch(`${running.url}/healthz`)
      expect(answer.status).toBe(500)
      expect(await answer.json()).toMatchObject({
        code: 'ERR_MISCONFIGURED',
        detail: '`OTEL_EXPORTER_OTLP_ENDPOINT` needs `main` to be kedge/worker/cloudflare-otlp.',
      })
    } finally {
      await running.close()
    }
  })

  it('ships nothing of it', async () => {
    const { bundle } = await import('../runtime/bundle.ts')
    const { code } = await bundle(new URL('../../worker/cloudflare.ts', import.meta.url), {
      external: ['cloudflare:*'],
    })
    expect(code).not.toContain('resourceMetrics')
    expect(code).not.toContain('http.server.request.duration')
  })
})
