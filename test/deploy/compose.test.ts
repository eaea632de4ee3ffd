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
