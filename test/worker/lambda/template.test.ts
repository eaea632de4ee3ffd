import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'

const run = promisify(execFile)

const VERSION = '1.58.0'
const EXAMPLE = fileURLToPath(new URL('../../../examples/lambda/', import.meta.url))
const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/kedge-lambda/', import.meta.url))
const LINTER = join(CACHE, `cfn-lint-${VERSION}`)
const TEMPLATE = join(EXAMPLE, 'template.yaml')

/** @throws Error instead of a reason under `CI=true`: there it must run. */
function withoutLinter(): string | undefined {
  const usable = spawnSync('python3', ['-c', 'import venv, ensurepip']).status === 0
  if (usable || existsSync(LINTER)) return undefined
  const reason = 'Python with venv is not here (cfn-lint is a program of it)'
  if (process.env['CI'] === 'true') throw new Error(`The template must be linted under CI: ${reason}`)
  process.stderr.write(`\nNOT LINTED, the template of examples/lambda: ${reason}\n`)
  return reason
}

/** Builds beside and moves: a run that is cut short leaves nothing that looks whole. */
async function install(): Promise<void> {
  if (existsSync(LINTER)) return
  await mkdir(CACHE, { recursive: true })
  const folder = await mkdtemp(`${LINTER}-`)
  try {
    await run('python3', ['-m', 'venv', folder])
    const pip = ['-m', 'pip', '--disable-pip-version-check', '--quiet', 'install']
    await run(join(folder, 'bin/python'), [...pip, `cfn-lint==${VERSION}`])
    await rename(folder, LINTER)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** What it says of a template; nothing where all is well. */
async function lint(template: string): Promise<string> {
  // The script's first line names an interpreter in the folder that it was made in.
  const args = [join(LINTER, 'bin/cfn-lint'), '--format', 'parseable', template]
  try {
    const { stdout } = await run(join(LINTER, 'bin/python'), args)
    return stdout.trim()
  } catch (error) {
    return (error as { stdout: string }).stdout.trim() || String(error)
  }
}

describe('The template of the example', () => {
  it('names handlers that are there', async () => {
    const template = await readFile(TEMPLATE, 'utf8')
    const handlers = [...template.matchAll(/^ +Handler: (\w+)\.handler$/gm)].map(([, name]) => name!)
    expect(handlers.sort()).toEqual(['greeting', 'http', 'kafka'])
    for (const name of handlers) {
      expect(await readFile(join(EXAMPLE, `${name}.ts`), 'utf8')).toContain('export const handler =')
      expect(template).toContain(`${name}.ts`)
    }
  })

  it('has partial batch responses for each topic that is taken, as the handler answers with them', async () => {
    const template = await readFile(TEMPLATE, 'utf8')
    const handler = await readFile(join(EXAMPLE, 'topics.ts'), 'utf8')
    const mapped = [...template.matchAll(/^ +Topics: \[(.+)\]$/gm)].map(([, topic]) => topic!)
    expect(mapped).toEqual(['cache-updates', 'cache-evictions', 'cache-requests'])
    for (const topic of mapped) expect(handler).toContain(`'${topic}': `)
    expect(handler).toContain("failures: 'report'")
    for (const setting of ['FunctionResponseTypes: [ReportBatchItemFailures]', 'ProvisionedPollerConfig: '])
      expect(template.split(setting)).toHaveLength(mapped.length + 1)
  })

  describe.skipIf(withoutLinter())('by cfn-lint', () => {
    beforeAll(install, 300_000)

    it('passes', async () => {
      expect(await lint(TEMPLATE)).toBe('')
    }, 60_000)

    it('would be refused with a time that no function may have', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'kedge-template-'))
      onTestFinished(() => rm(folder, { recursive: true, force: true }))
      const broken = (await readFile(TEMPLATE, 'utf8')).replace('Timeout: 60', 'Timeout: 6000')
      await writeFile(join(folder, 'template.yaml'), broken)
      expect(await lint(join(folder, 'template.yaml'))).toContain('6000')
    }, 60_000)
  })
})
