/** The proxies that a developer names are tested: the gateway, in its own process on a real broker, stands for them. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withoutKafka } from './broker.ts'
import { sharedBroker } from './shared-broker.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs')

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[]
  }[]
}

describe.skipIf(withoutKafka())('Proxies that are named', () => {
  let gateway: ChildProcess
  let folder: string
  let host = ''

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kedge-proxies-'))
    const args = ['gateway', '--port', '0', '--brokers', sharedBroker(), '--upstash']
    gateway = spawn(process.execPath, [join(ROOT, 'cli/main.ts'), ...args], {
      env: { ...process.env, KEDGE_GATEWAY_USER: 'edge:open sesame', NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    gateway.stdout!.setEncoding('utf8').on('data', (text: string) => (said += text))
    while (!/listening on \S+ /.test(said)) await once(gateway.stdout!, 'data')
    host = /listening on http:\/\/(\S+) /.exec(said)?.[1] ?? ''
  })

  afterAll(async () => {
    if (gateway && gateway.exitCode === null) {
      gateway.kill('SIGTERM')
      await once(gateway, 'exit')
    }
    if (folder) await rm(folder, { recursive: true })
  })

  /** The tests of the proxies named, in a run of their own. */
  async function tested(names: readonly string[], ...more: readonly string[]) {
    const file = join(folder, `${names.join('-')}.json`)
    const proxies = names.map((name) => `${name}=http://edge:open%20sesame@${host}#${sharedBroker()}`)
    const env = { ...process.env, KEDGE_PROXIES: proxies.join(','), KEDGE_SHARED_BROKER: sharedBroker() }
    // The other run must not see the settings of this one.
    for (const name of Object.keys(env)) if (name.startsWith('VITEST')) Reflect.deleteProperty(env, name)
    const args = ['run', 'test/kafka/proxies.test.ts', '--reporter=json', `--outputFile=${file}`, ...more]
    const child = spawn(process.execPath, [VITEST, ...args], { cwd: ROOT, env, stdio: 'ignore' })
    await once(child, 'exit')
    const report = JSON.parse(await readFile(file, 'utf8')) as Report
    return {
      code: child.exitCode,
      report,
      failed: report.testResults.flatMap(({ assertionResults }) =>
        assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName),
      ),
      passedOf: (name: string) =>
        report.testResults
          .flatMap(({ assertionResults }) => assertionResults)
          .filter(({ fullName, status }) => status === 'passed' && fullName.startsWith(`${name} at `)).length,
    }
  }

  it('are held to the contract and recognised, each in its protocol', { timeout: 120_000 }, async () => {
    const names = ['confluent', 'gateway', 'redpanda', 'upstash']
    const { code, failed, passedOf } = await tested(names)
    expect({ code, failed }).toEqual({ code: 0, failed: [] })
    for (const name of names) expect(passedOf(name)).toBeGreaterThan(30)
  })

  it('fail where something else answers', { timeout: 60_000 }, async () => {
    const { code, failed } = await tested(['strimzi'], '-t', 'recognised|half a megabyte')
    expect(code).toBe(1)
    expect(failed.length).toBeGreaterThan(0)
  })
})
