/** What every process tells Prometheus: as the docs have it, in good form, and without a word of a client. */
import { fileURLToPath } from 'node:url'
import * as client from 'prom-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { metrics as cacheMetrics } from '../../adapters/metrics/prom-client.ts'
import { createCache } from '../../src/index.ts'
import { memory } from '../../src/testing/index.ts'
import { promtoolSays, withoutPromtool } from '../store-servers/prometheus.ts'
import { withoutRedis } from '../store-servers/redis.ts'
import { DOCUMENTED as rows, NAMES, OF_THE_SIDECAR } from './metrics/documented.ts'
import { familiesOf } from './metrics/exposition.ts'
import { READ_TOKEN, startProcesses } from './metrics/processes.ts'
import type { Processes } from './metrics/processes.ts'
import { until } from './service-process.ts'

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))
const KEY = 'a-key-that-no-metric-may-ever-show'

const noRedis = withoutRedis()

describe.skipIf(noRedis)('the metrics of every process', { timeout: 120_000 }, () => {
  let processes: Processes
  const texts = new Map<string, string>()

  beforeAll(async () => {
    processes = await startProcesses(MAIN)
    await traffic(processes)
    for (const { name, url } of processes.measured) {
      const scrape = async () => (await fetch(`${url}/metrics`)).text()
      // They have reached their topics once these are there.
      const wanted = name === 'gateway' ? /^kedge_gateway_polls_waiting [1-9]/m : /^kafka_consumer_lag\{/m
      texts.set(name, await until(scrape, (text) => wanted.test(text)))
    }
  }, 120_000)
  afterAll(() => processes?.stop())

  it.each(NAMES)('of %s are those that the docs name, and no others', (name) => {
    const told = [...familiesOf(texts.get(name)!)].map(([of, { type, help }]) => ({ name: of, type, help }))
    const written = rows
      .filter((row) => row.processes.includes(name))
      .map(({ name: of, type, help }) => ({ name: of, type, help }))
    const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name)
    expect(told.toSorted(byName)).toEqual(written.toSorted(byName))
  })

  it('have the labels that the docs name, and no others', () => {
    for (const text of texts.values())
      for (const [name, { samples }] of familiesOf(text)) {
        const { labels } = rows.find((row) => row.name === name)!
        const used = new Set(samples.flatMap((sample) => Object.keys(sample.labels)))
        used.delete('le')
        expect([name, [...used].filter((label) => !labels.includes(label))]).toEqual([name, []])
      }
  })

  it('tell what has just happened', () => {
    const gateway = familiesOf(texts.get('gateway')!)
    const routes = gateway.get('kedge_gateway_request_duration_seconds')!.samples.map(({ labels }) => labels)
    expect(routes).toContainEqual(
      expect.objectContaining({ method: 'GET', route: '/topics/:topic', status: '200' }),
    )
    expect(routes).toContainEqual(expect.objectContaining({ method: 'other', route: 'other' }))
    expect(gateway.get('kedge_gateway_polls_waiting')!.samples[0]!.value).toBeGreaterThan(0)
    expect(gateway.get('kedge_gateway_sent_bytes_total')!.samples[0]!.value).toBeGreaterThan(1000)
    const serve = familiesOf(texts.get('serve')!)
    expect(serve.get('kedge_serve_hits_total')!.samples[0]!.value).toBeGreaterThan(0)
    expect(
      serve.get('kedge_serve_request_duration_seconds')!.samples.map(({ labels }) => labels),
    ).toContainEqual(
      expect.objectContaining({ method: 'GET', route: '/cache/:namespace/:key', status: '200' }),
    )
  })

  it('show no key, no credential and no path of a client', () => {
    for (const [name, text] of texts) {
      expect([name, text.includes(KEY), text.includes(READ_TOKEN)]).toEqual([name, false, false])
      expect([name, /unheard-of|a-strange/i.test(text)]).toEqual([name, false])
    }
  })

  it('are served by no address of clients', async () => {
    expect((await fetch(`${processes.gateway}/metrics`)).status).toBe(404)
    expect((await fetch(`${processes.serve}/metrics`)).status).toBe(404)
  })

  describe.skipIf(withoutPromtool())('by promtool', () => {
    it.each(NAMES)('of %s are in good form', async (name) => {
      expect(await promtoolSays(texts.get(name)!)).toBe('')
    })
  })
})

it('promtool finds what is not in good form', { skip: withoutPromtool() !== undefined }, async () => {
  expect(await promtoolSays('# HELP a_total What.\n# TYPE a_total gauge\na_total 1\n')).toContain('_total')
})

it('those of a cache in a program are those of the sidecar, but for its requests and its origin', async () => {
  const register = new client.Registry()
  cacheMetrics(createCache({ kafka: memory() }), { client, register })
  const sidecar = rows.filter(({ name }) => name.startsWith('kedge_serve_') && !OF_THE_SIDECAR.includes(name))
  expect([...familiesOf(await register.metrics()).keys()].toSorted()).toEqual(
    sidecar.map(({ name }) => name.replace('kedge_serve_', 'kedge_cache_')).toSorted(),
  )
})

async function traffic({ serve, gateway }: Processes): Promise<void> {
  const authorization = `Bearer ${READ_TOKEN}`
  const put = await fetch(`${serve}/cache/users/${KEY}`, {
    method: 'PUT',
    headers: { authorization: `${authorization}-write`, 'content-type': 'application/json' },
    body: '{"value":1}',
  })
  expect(put.status).toBe(200)
  for (let nth = 0; nth < 2; nth++)
    expect((await fetch(`${serve}/cache/users/${KEY}`, { headers: { authorization } })).status).toBe(200)
  expect((await fetch(`${serve}/unheard-of`)).status).toBe(404)
  await fetch(`${gateway}/topics/unheard-of-topic`)
  await fetch(`${gateway}/unheard-of/path`, { method: 'PROPFIND' })
}
