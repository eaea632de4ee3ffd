/** A real Prometheus, and every process of the package as it is installed. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startProcesses } from '../cli/metrics/processes.ts'
import type { Processes } from '../cli/metrics/processes.ts'
import { startPrometheus, withoutPrometheus } from '../store-servers/prometheus.ts'
import type { PrometheusServer } from '../store-servers/prometheus.ts'
import { withoutRedis } from '../store-servers/redis.ts'
import { project } from './project.ts'
import type { Project } from './project.ts'
import { sharedTarball } from './shared-package.ts'

const byText = (a: string, b: string) => a.localeCompare(b)
const missing = withoutPrometheus() ?? withoutRedis()

describe.skipIf(missing)('Prometheus', { timeout: 120_000 }, () => {
  let home: Project
  let processes: Processes
  let prometheus: PrometheusServer
  beforeAll(async () => {
    home = await project({ 'package.json': '{ "private": true, "type": "module" }' })
    const quiet = ['--no-audit', '--no-fund', '--prefer-offline']
    await home.run('npm', 'install', ...quiet, sharedTarball(), 'ioredis@6.0.0')
    processes = await startProcesses(join(home.folder, 'node_modules/kedge/dist/cli/main.js'))
    prometheus = await startPrometheus(
      Object.fromEntries(processes.measured.map(({ name, url }) => [name, new URL(url).host])),
    )
  }, 300_000)
  afterAll(async () => {
    await prometheus?.stop()
    await processes?.stop()
    await home?.remove()
  })

  const jobsOf = async (query: string) =>
    [...new Set((await prometheus.query(query)).map(({ metric }) => metric['job'] ?? ''))].toSorted(byText)

  it('scrapes all of them', async () => {
    const all = processes.measured.map(({ name }) => name as string).toSorted(byText)
    await expect.poll(() => jobsOf('up == 1'), { timeout: 30_000 }).toEqual(all)
    expect(await jobsOf('kedge_build_info')).toEqual(all)
    expect(await jobsOf('rate(process_cpu_seconds_total[1m]) or process_resident_memory_bytes')).toEqual(all)
  })

  it('knows how far each is behind, by one name', async () => {
    const followers = ['loader', 'persister', 'serve', 'sync', 'sync --tier']
    await expect.poll(() => jobsOf('kafka_consumer_lag'), { timeout: 30_000 }).toEqual(followers)
    expect(await jobsOf('max by (job, consumer_group) (kafka_consumer_lag) > 20000')).toEqual([])
  })

  it('finds the latency of requests by route', async () => {
    const query =
      'histogram_quantile(0.9, sum by (le, route) (rate(kedge_gateway_request_duration_seconds_bucket[1m]))) >= 0'
    await expect
      .poll(async () => (await prometheus.query(query)).map(({ metric }) => metric['route']), {
        timeout: 30_000,
      })
      .toContain('/topics/:topic/partitions/:partition/records')
  })
})
