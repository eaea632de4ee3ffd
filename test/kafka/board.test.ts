/** Every query of the board has a value in a real Prometheus that scrapes every process, on a real broker. */
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kafkaCluster } from '../../services/gateway/index.ts'
import { READ_TOKEN, startProcesses } from '../cli/metrics/processes.ts'
import type { Processes } from '../cli/metrics/processes.ts'
import { spawned } from '../cli/metrics/spawned.ts'
import type { Spawned } from '../cli/metrics/spawned.ts'
import { metricsIn } from '../cli/metrics/documented.ts'
import { ALERTS } from '../deploy/alert-rules.ts'
import { asked, BOARD, QUERIES } from '../deploy/grafana.ts'
import { startPrometheus, withoutPrometheus } from '../store-servers/prometheus.ts'
import type { PrometheusServer } from '../store-servers/prometheus.ts'
import { withoutRedis } from '../store-servers/redis.ts'
import { startBroker, withoutKafka } from './broker.ts'
import type { Broker } from './broker.ts'

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))
const PROGRAM = fileURLToPath(new URL('../cli/metrics/program.ts', import.meta.url))
const TOPICS = [
  'cache-evictions',
  'cache-updates',
  'cache-requests',
  'cache-writes',
  'cache-writes-dead',
  'orders',
]
/** `serve` has no shared tier, and asks no loader service. A cache of a program has both. */
const NOT_HERE = ['kedge_serve_ask_duration_seconds_bucket', 'kedge_serve_tier_duration_seconds_bucket']
/** For which the gateway refuses, and about which there are alerts; they have these names by their type. */
const missing = withoutKafka() ?? withoutPrometheus() ?? withoutRedis()

describe.skipIf(missing)('the board', { timeout: 240_000 }, () => {
  let broker: Broker
  let processes: Processes
  let program: Spawned
  let prometheus: PrometheusServer
  const over = new AbortController()
  let traffic: Promise<void> = Promise.resolve()

  beforeAll(async () => {
    // Of its own: the topics have the names that the commands know.
    broker = await startBroker()
    const cluster = kafkaCluster({ brokers: [broker.bootstrap] })
    for (const name of TOPICS) await cluster.createTopic(name, { partitions: 1 })
    await cluster.close()
    processes = await startProcesses(MAIN, { brokers: broker.bootstrap })
    program = await spawned([PROGRAM, processes.gateway, `${processes.redis.port}`], {
      cwd: process.cwd(),
      env: {},
      places: [/listening on (http:\S+)/],
    })
    const targets = processes.measured.map(({ name, url }) => [`kedge ${name}`, new URL(url).host])
    prometheus = await startPrometheus({
      ...Object.fromEntries(targets),
      shop: new URL(program.found[0]!).host,
    })
    traffic = rounds(processes, over.signal)
  }, 240_000)
  afterAll(async () => {
    over.abort()
    await traffic
    await prometheus?.stop()
    await program?.end()
    await processes?.stop()
    await broker?.stop()
  })

  it('has an answer to each of its queries', async () => {
    const numbers = async (expr: string) =>
      (await prometheus.query(asked(expr))).filter(({ value }) => !Number.isNaN(value)).length
    const silent = async () => {
      const found = await Promise.all(
        QUERIES.map(async (each) => ({ ...each, count: await numbers(each.expr) })),
      )
      return found.filter(({ count }) => count === 0).map(({ where, expr }) => `${where}: ${expr}`)
    }
    await expect.poll(silent, { timeout: 120_000, interval: 1000 }).toEqual([])
    expect(QUERIES.length).toBeGreaterThan(80)
  })

  it('finds jobs and instances to choose from', async () => {
    for (const { type, query } of BOARD.templating.list) {
      if (type !== 'query') continue
      const [, selector = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(query) ?? []
      const values = new Set((await prometheus.query(asked(selector))).map(({ metric }) => metric[label]))
      expect(values.size).toBe(processes.measured.length + 1)
      expect(values).not.toContain(undefined)
    }
  })

  it('and the alerts ask for series that there are', async () => {
    const names = new Set([...QUERIES, ...ALERTS].flatMap(({ expr }) => metricsIn(expr)))
    const absent = async () => {
      const counts = await Promise.all(
        [...names].map(async (name) => ({ name, count: (await prometheus.query(`count(${name})`)).length })),
      )
      return counts
        .filter(({ count }) => count === 0)
        .map(({ name }) => name)
        .toSorted()
    }
    await expect.poll(absent, { timeout: 60_000, interval: 1000 }).toEqual(NOT_HERE)
  })

  it('and by labels with values that there are', async () => {
    const selectors = new Set(ALERTS.flatMap(({ expr }) => expr.match(/\b\w+\{[^}]*\}/g) ?? []))
    expect(selectors.size).toBeGreaterThan(8)
    const absent = async () => {
      const counts = await Promise.all(
        [...selectors].map(async (each) => ({ each, count: (await prometheus.query(each)).length })),
      )
      return counts.filter(({ count }) => count === 0).map(({ each }) => each)
    }
    // No load of the loader service fails here. What no event has counted yet begins at 0, where its values are known beforehand.
    await expect
      .poll(absent, { timeout: 60_000, interval: 1000 })
      .toEqual(['kedge_loader_load_duration_seconds_count{outcome="failed"}'])
  })
})

/** What clients do, again and again: rates need more than one scrape. */
async function rounds({ serve, gateway }: Processes, signal: AbortSignal): Promise<void> {
  const authorization = (role: string) => ({ authorization: `Bearer ${READ_TOKEN}${role}` })
  const ask = async (url: string, init: RequestInit = {}) => {
    await (await fetch(url, init)).arrayBuffer()
  }
  for (let round = 0; !signal.aborted; round++) {
    const value = `${serve}/cache/users/${round}`
    for (let read = 0; read < 3; read++) await ask(value, { headers: authorization('') })
    await ask(`${serve}/cache/users/broken-${round}`, { headers: authorization('') })
    await ask(value, { method: 'DELETE', headers: authorization('-evict') })
    await ask(`${gateway}/topics/there-is-none`)
    await ask(`${gateway}/topics/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.kafka.json.v2+json' },
      // The second has no key, which the template of the sync needs.
      body: JSON.stringify({ records: [{ key: `${round}`, value: { round } }, { value: { round } }] }),
    })
    await ask(`${gateway}/topics/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.kafka.json.v2+json' },
      body: 'no JSON',
    })
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
