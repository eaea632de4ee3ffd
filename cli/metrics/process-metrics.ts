/** The registry of a process: what every process tells of itself, beside what its command counts. @module */
import process from 'node:process'
import type { Registry } from 'prom-client'
import { Meter } from '../../adapters/metrics/prom-client/meter.ts'
import type { PromClient } from '../../adapters/metrics/prom-client/meter.ts'
import type { Session } from '../session.ts'

/** Gauges of prom-client that are called as counters are: `nodejs_active_handles` and its like say the same by type. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
]

export class ProcessMetrics {
  readonly client: PromClient
  readonly register: Registry

  private constructor(client: PromClient, register: Registry) {
    this.client = client
    this.register = register
  }

  /** @param command the name of the command: `serve` */
  static async of(command: string, { version }: Session): Promise<ProcessMetrics> {
    const client = await import('prom-client')
    const register = new client.Registry()
    client.collectDefaultMetrics({ register })
    for (const name of MISNAMED) register.removeSingleMetric(name)
    const metrics = new ProcessMetrics(client, register)
    metrics
      .meter('kedge_', { version, command, node: process.versions.node })
      .gauge('build_info', 'What this process is: always 1.', () => 1)
    return metrics
  }

  /** @param labels the labels of every sample */
  meter(prefix: string, labels: Readonly<Record<string, string>> = {}): Meter {
    return new Meter({ client: this.client, register: this.register, prefix, labels })
  }

  /** In Prometheus' text format, version 0.0.4. */
  text(): Promise<string> {
    return this.register.metrics()
  }
}
