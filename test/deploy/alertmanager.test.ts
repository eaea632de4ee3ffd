/**
 * From a real process to a webhook: Prometheus scrapes it, the rules of deploy/prometheus fire, Alertmanager sends. Of the
 * rules and of Alertmanager's configuration the durations alone are shorter here.
 */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { READ_TOKEN, startProcesses } from '../cli/metrics/processes.ts'
import type { Processes } from '../cli/metrics/processes.ts'
import { ROOT } from '../package/tarball.ts'
import { startAlertmanager, withoutAlertmanager } from '../store-servers/alertmanager.ts'
import type { AlertmanagerServer } from '../store-servers/alertmanager.ts'
import { startPrometheus, withoutPrometheus } from '../store-servers/prometheus.ts'
import type { PrometheusServer } from '../store-servers/prometheus.ts'
import { withoutRedis } from '../store-servers/redis.ts'
import { RULES_FILE } from './alert-rules.ts'

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))
const missing = withoutPrometheus() ?? withoutAlertmanager() ?? withoutRedis()

interface Heard {
  readonly receiver: string
  readonly status: 'firing' | 'resolved'
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** A minute of the rules is a second here, and more than two scrapes stay in each range. */
const rules = (): string =>
  readFileSync(RULES_FILE, 'utf8')
    .replaceAll(/^( {8}for: )\d+[mh]$/gm, '$13s')
    .replaceAll(/\[\d+m\]/g, '[8s]')
    .replaceAll(/offset \d+m/g, 'offset 8s')

const configuration = (webhook: string): string =>
  readFileSync(join(ROOT, 'deploy/prometheus/alertmanager.yml'), 'utf8')
    .replaceAll(/(_wait|_interval): \d+[smh]$/gm, '$1: 1s')
    .replaceAll(/^( {2}- name: (\w+))$/gm, `$1\n    webhook_configs: [{ url: '${webhook}/$2' }]`)

describe.skipIf(missing)('Alertmanager', { timeout: 180_000 }, () => {
  let processes: Processes
  let prometheus: PrometheusServer
  let alertmanager: AlertmanagerServer
  const heard: Heard[] = []
  const webhook = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      const { alerts } = JSON.parse(body) as { alerts: Omit<Heard, 'receiver'>[] }
      for (const alert of alerts) heard.push({ ...alert, receiver: request.url!.slice(1) })
      response.end()
    })
  })

  beforeAll(async () => {
    await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve))
    processes = await startProcesses(MAIN)
    alertmanager = await startAlertmanager(
      configuration(`http://127.0.0.1:${(webhook.address() as AddressInfo).port}`),
    )
    const targets = processes.measured.map(({ name, url }) => [`kedge ${name}`, new URL(url).host])
    prometheus = await startPrometheus(Object.fromEntries(targets), {
      rules: rules(),
      alertmanager: alertmanager.address,
    })
  }, 300_000)
  afterAll(async () => {
    await prometheus?.stop()
    await alertmanager?.stop()
    await processes?.stop()
    webhook.closeAllConnections()
    webhook.close()
  })

  const of = (name: string, status: Heard['status']) =>
    heard.filter((each) => each.labels['alertname'] === name && each.status === status)
  const soon = { timeout: 60_000, interval: 200 }

  it('is silent while all is well', async () => {
    const firing = () => prometheus.query('ALERTS{alertstate="firing"}')
    await expect.poll(() => prometheus.query('count(up == 1) == 6'), soon).toHaveLength(1)
    // On a slow machine something is absent for longer than the rules wait, before all is there.
    await expect.poll(firing, soon).toEqual([])
    heard.length = 0
    // Longer than any rule here waits.
    const until = Date.now() + 6000
    while (Date.now() < until) {
      expect((await firing()).map(({ metric }) => metric['alertname'])).toEqual([])
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
    expect(heard.filter(({ status }) => status === 'firing')).toEqual([])
  })

  it('sends that a sync is more than 20,000 records behind, and that it has caught up', async () => {
    processes.redis.pause()
    for (let batch = 0; batch < 3; batch++) {
      const records = Array.from({ length: 8000 }, (_, at) => ({ key: `${at}`, value: batch }))
      const { status } = await fetch(`${processes.gateway}/topics/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/vnd.kafka.json.v2+json' },
        body: JSON.stringify({ records }),
      })
      expect(status).toBe(200)
    }
    await expect.poll(() => of('KedgeConsumerLagHigh', 'firing').length, soon).toBeGreaterThan(0)
    const [{ receiver, labels, annotations } = heard[0]!] = of('KedgeConsumerLagHigh', 'firing')
    expect([receiver, labels['severity'], labels['job'], labels['topic']]).toEqual([
      'pages',
      'critical',
      'kedge sync',
      'orders',
    ])
    expect(annotations['summary']).toMatch(/ is 2\d{4} records behind in orders\.$/)
    expect(annotations['runbook_url']).toBe('docs/runbook.md#kedgeconsumerlaghigh')
    processes.redis.resume()
    await expect.poll(() => of('KedgeConsumerLagHigh', 'resolved').length, soon).toBeGreaterThan(0)
  })

  it('sends that a fifth of the reads are misses, and that they are not any more', async () => {
    let [key, misses] = [0, true]
    const over = new AbortController()
    const reads = (async () => {
      while (!over.signal.aborted) {
        const answer = await fetch(`${processes.serve}/cache/users/${misses ? key++ : 0}`, {
          headers: { authorization: `Bearer ${READ_TOKEN}` },
        })
        await answer.arrayBuffer()
        expect(answer.status).toBe(200)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    })()
    try {
      await expect.poll(() => of('KedgeMissRateHigh', 'firing').length, soon).toBeGreaterThan(0)
      const [{ receiver, labels, annotations } = heard[0]!] = of('KedgeMissRateHigh', 'firing')
      expect([receiver, labels['severity'], labels['job']]).toEqual(['notices', 'warning', 'kedge serve'])
      expect(annotations['summary']).toMatch(/^[\d.]+% of the reads of kedge serve are misses\.$/)
      misses = false
      await expect.poll(() => of('KedgeMissRateHigh', 'resolved').length, soon).toBeGreaterThan(0)
    } finally {
      over.abort()
      await reads
    }
  })
})
