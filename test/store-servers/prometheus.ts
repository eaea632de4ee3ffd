/** Prometheus and its tool, from Debian. @module */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DebianProgram, fetchProgram, missing, without } from './debian.ts'
import type { Program } from './debian.ts'
import { freePorts } from './ports.ts'
import { ServerProcess } from './process.ts'

const PROMTOOL: DebianProgram = { package: 'prometheus', name: 'promtool' }
const PROMETHEUS: DebianProgram = { package: 'prometheus', name: 'prometheus' }

export const withoutPromtool = (): string | undefined => without(PROMTOOL)
export const withoutPrometheus = (): string | undefined => without(PROMETHEUS)
export const promtoolMissing = (): string | undefined => missing(PROMTOOL)
export const prometheusMissing = (): string | undefined => missing(PROMETHEUS)
export const promtool = (): Promise<Program> => fetchProgram(PROMTOOL)

/** What `promtool check metrics` says of an exposition: nothing where all is well. */
export async function promtoolSays(text: string): Promise<string> {
  const { file, env } = await promtool()
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env } }
    const child = execFile(file, ['check', 'metrics'], options, (error, stdout, stderr) =>
      resolve(`${stdout}${stderr}` || (error?.message ?? '')),
    )
    child.stdin!.end(text)
  })
}

export interface PrometheusServer {
  /** The series that a query has. */
  query(
    query: string,
  ): Promise<readonly { readonly metric: Record<string, string>; readonly value: number }[]>
  stop(): Promise<void>
}

export interface Alerting {
  /** A file of rules, as text. */
  readonly rules: string
  /** `host:port` of the Alertmanager that hears them. */
  readonly alertmanager: string
}

/**
 * Scrapes, and evaluates, once a second.
 *
 * @param targets `host:port`, by the name of the job
 */
export async function startPrometheus(
  targets: Readonly<Record<string, string>>,
  alerting?: Alerting,
): Promise<PrometheusServer> {
  const program = await fetchProgram(PROMETHEUS)
  const [port = 0] = await freePorts(1)
  const folder = await mkdtemp(join(tmpdir(), 'kedge-prometheus-'))
  const jobs = Object.entries(targets).map(
    ([job, target]) => `  - job_name: '${job}'\n    static_configs: [{ targets: ['${target}'] }]\n`,
  )
  const config = join(folder, 'prometheus.yml')
  const intervals = 'scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s'
  let rules = ''
  if (alerting) {
    await writeFile(join(folder, 'a.rules.yml'), alerting.rules)
    const heard = `alertmanagers: [{ static_configs: [{ targets: ['${alerting.alertmanager}'] }] }]`
    rules = `rule_files: [a.rules.yml]\nalerting: { ${heard} }\n`
  }
  await writeFile(config, `global: { ${intervals} }\n${rules}scrape_configs:\n${jobs.join('')}`)
  const url = `http://127.0.0.1:${port}`
  const running = await ServerProcess.start({
    program,
    args: [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    log: join(folder, 'prometheus.log'),
    ready: () =>
      fetch(`${url}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
  })
  return {
    async query(query) {
      const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(query)}`)
      const { data } = (await answer.json()) as {
        data: { result: { metric: Record<string, string>; value: [number, string] }[] }
      }
      return data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }))
    },
    async stop() {
      await running.end('SIGKILL')
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
