/**
 * Kubernetes' schemas, and those of KEDA and the Prometheus operator, from where they are published: PyPI and Go's
 * module proxy. Both validate strictly: a field that no schema knows is a fault.
 */
import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { definitions } from '../../deploy/helm/apiserver-programs.ts'
import { ROOT } from '../package/tarball.ts'

const run = promisify(execFile)
const VERSION = '1.37.0'
const HOME = join(ROOT, `node_modules/.cache/kedge-deploy/kubernetes-validate-${VERSION}`)
const SCRIPT = fileURLToPath(new URL('validate.py', import.meta.url))

/** What the schemas need and this machine lacks. */
export function schemasMissing(): string | undefined {
  if (!existsSync(HOME) && spawnSync('python3', ['-c', 'import venv, ensurepip']).status !== 0)
    return 'Python with venv is not here, which validates'
  return spawnSync('go', ['version']).status === 0 ? undefined : 'Go is not here, which fetches definitions'
}

/** Builds beside and moves: a run that is cut short leaves nothing that looks whole. */
export async function installSchemas(): Promise<void> {
  if (existsSync(HOME)) return
  await mkdir(dirname(HOME), { recursive: true })
  const folder = await mkdtemp(`${HOME}-`)
  try {
    await run('python3', ['-m', 'venv', folder])
    const pip = ['-m', 'pip', '--disable-pip-version-check', '--quiet', 'install']
    await run(join(folder, 'bin/python'), [...pip, `kubernetes-validate==${VERSION}`])
    await rename(folder, HOME)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A document, as the template made it. */
export interface Document {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> }
  // oxlint-disable-next-line typescript/no-explicit-any -- of many kinds: a test reads what it asks about
  readonly spec: any
  readonly data?: Readonly<Record<string, string>>
}

export interface Validated {
  readonly documents: readonly Document[]
  /** What is wrong, by document; empty when nothing is. */
  readonly faults: readonly string[]
}

/** @param kubernetes such as `'1.31'` */
export async function validated(text: string, kubernetes: string): Promise<Validated> {
  const folder = await mkdtemp(join(tmpdir(), 'kedge-schemas-'))
  try {
    const file = join(folder, 'rendered.yaml')
    await writeFile(file, text)
    const args = [SCRIPT, kubernetes, file, ...(await definitions())]
    const { stdout } = await run(join(HOME, 'bin/python'), args, { maxBuffer: 2 ** 26 })
    return JSON.parse(stdout) as Validated
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
