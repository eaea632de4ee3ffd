/** What compose.yaml starts beside the brokers: its configurations are valid, and its variables are read. */
import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isRead } from '../docs/rules.ts'
import { ROOT } from '../package/tarball.ts'
import { amtoolSays, withoutAlertmanager } from '../store-servers/alertmanager.ts'
import { promtool, withoutPromtool } from '../store-servers/prometheus.ts'

const run = promisify(execFile)
const FOLDER = join(ROOT, 'deploy/prometheus')
const CONFIG = join(FOLDER, 'prometheus.yml')
const COMPOSE = readFileSync(join(ROOT, 'compose.yaml'), 'utf8')
/** The services of kedge, each from its name to the next. */
const SERVICES = new Map(
  [...COMPOSE.matchAll(/^ {2}([\w-]+):\n((?: {4}.*\n|\n| {2}#.*\n)+)/gm)].map(([, name = '', text = '']) => [
    name,
    text,
  ]),
)

async function check(...args: readonly string[]): Promise<string> {
  const { file, env } = await promtool()
  const { stdout } = await run(file, ['check', ...args], { env: { ...process.env, ...env } })
  return stdout
}

describe('the configuration of Prometheus', { timeout: 300_000 }, () => {
  it.skipIf(withoutPromtool() !== undefined)('is valid, with the rules beside it', async () => {
    expect(await check('config', CONFIG)).toContain('SUCCESS')
    for (const rules of globSync('*.rules.yml', { cwd: FOLDER })) await check('rules', join(FOLDER, rules))
    const folder = await mkdtemp(join(tmpdir(), 'kedge-prometheus-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const wrong = join(folder, 'prometheus.yml')
    await writeFile(wrong, readFileSync(CONFIG, 'utf8').replace('scrape_interval', 'scrape_intervall'))
    await expect(check('config', wrong)).rejects.toThrow('scrape_intervall')
  })

  it('names services of compose.yaml, on the port on which each of them listens', () => {
    const targets = [...readFileSync(CONFIG, 'utf8').matchAll(/targets: \['([\w-]+):(\d+)'\]/g)]
    const names = targets.map(([, name]) => name!).filter((name) => name !== 'localhost')
    expect(names.toSorted()).toEqual(['alertmanager', 'gateway', 'serve', 'sync'])
    for (const [, name = '', port] of targets) {
      if (name === 'localhost' || name === 'alertmanager') continue
      expect(SERVICES.get(name), name).toContain(`_LISTEN: 0.0.0.0:${port}`)
    }
  })
})

describe('the configuration of Alertmanager', { timeout: 300_000 }, () => {
  it.skipIf(withoutAlertmanager() !== undefined)('is valid, with a receiver for each severity', async () => {
    const file = join(FOLDER, 'alertmanager.yml')
    expect(await amtoolSays(file)).toContain('2 receivers')
    const folder = await mkdtemp(join(tmpdir(), 'kedge-alertmanager-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const wrong = join(folder, 'alertmanager.yml')
    await writeFile(wrong, readFileSync(file, 'utf8').replace('receiver: pages', 'receiver: papers'))
    await expect(amtoolSays(wrong)).rejects.toThrow('failed to validate')
  })

  it('and the rules are where the two servers of compose.yaml look for them', () => {
    for (const name of ['prometheus', 'alertmanager'])
      expect(SERVICES.get(name)).toContain(`'./deploy/prometheus:/etc/${name}:ro'`)
    expect(SERVICES.get('alertmanager')).toContain('--config.file=/etc/alertmanager/alertmanager.yml')
    expect(readFileSync(CONFIG, 'utf8')).toContain("rule_files:\n  - '*.rules.yml'\n")
    expect(globSync('*.rules.yml', { cwd: FOLDER })).toEqual(['kedge.rules.yml'])
  })
})

describe('the services of kedge in compose.yaml', () => {
  it.each(['gateway', 'serve', 'sync'])(
    '%s: run on a read-only root, with variables that are read',
    (name) => {
      const text = SERVICES.get(name)!
      expect(text).toContain('read_only: true')
      const variables = [...text.matchAll(/^ {6}(KEDGE_\w+):/gm)].map(([, each]) => each!)
      expect(variables.length).toBeGreaterThan(1)
      for (const each of variables) expect([each, isRead(each)]).toEqual([each, true])
    },
  )
})
