/**
 * Schemathesis, which asks a server all that its OpenAPI document allows and forbids, and compares each answer with the
 * document. It is a program of Python: without one the tests leave themselves out, loudly, and fail under `CI=true`.
 */
import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

const VERSION = '4.32.5'
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/kedge-openapi/', import.meta.url))
const HOME = join(CACHE, `schemathesis-${VERSION}`)

/** @throws Error instead of a reason under `CI=true`: there it must run. */
export function withoutSchemathesis(): string | undefined {
  const usable = spawnSync('python3', ['-c', 'import venv, ensurepip']).status === 0
  if (usable || existsSync(HOME)) return undefined
  const reason = 'Python with venv is not here (Schemathesis is a program of it)'
  if (process.env['CI'] === 'true') throw new Error(`The OpenAPI documents must be tried under CI: ${reason}`)
  process.stderr.write(`\nNOT TRIED, the OpenAPI documents of the gateway and the worker: ${reason}\n`)
  return reason
}

/** Builds beside and moves: a run that is cut short leaves nothing that looks whole. */
export async function installSchemathesis(): Promise<void> {
  if (existsSync(HOME)) return
  await mkdir(CACHE, { recursive: true })
  const folder = await mkdtemp(`${HOME}-`)
  try {
    await run('python3', ['-m', 'venv', folder])
    const pip = ['-m', 'pip', '--disable-pip-version-check', '--quiet', 'install']
    await run(join(folder, 'bin/python'), [...pip, `schemathesis==${VERSION}`])
    // Another file has been faster: what it made is the same.
    await rename(folder, HOME).catch((error: unknown) => {
      if (!existsSync(HOME)) throw error
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** `KEDGE_SEED` repeats a run; under CI it is the same each time: a change is judged by it. */
export const seed = (): number =>
  Number(process.env['KEDGE_SEED'] ?? (process.env['CI'] === 'true' ? 1 : Math.floor(Math.random() * 1e9)))

/** `KEDGE_OPENAPI_EXAMPLES` has more of them. */
export const examples = (usual: number): number => Number(process.env['KEDGE_OPENAPI_EXAMPLES'] ?? usual)

/** Far more than it takes: only a run that hangs is ended. */
export const PATIENCE_MS: number = 1_200_000

export interface Trial {
  /** The document, with what the test knows put in. */
  readonly document: unknown
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** Beside this file. */
  readonly config: string
  readonly seed: number
  /** Of each operation, in each phase. */
  readonly examples: number
  /** Paths that are left out. */
  readonly without?: string
}

export interface Outcome {
  readonly passed: boolean
  /** How many requests it has sent. */
  readonly cases: number
  readonly report: string
}

/** Runs it to its end. @throws Error where it did not end in time. */
export async function tried(trial: Trial): Promise<Outcome> {
  process.stdout.write(`KEDGE_SEED=${trial.seed} repeats the trial of ${trial.url}\n`)
  const folder = await mkdtemp(join(tmpdir(), 'kedge-openapi-'))
  try {
    const document = join(folder, 'openapi.json')
    await writeFile(document, JSON.stringify(trial.document))
    // The script's first line names an interpreter in the folder that it was made in.
    const args = [
      join(HOME, 'bin/schemathesis'),
      `--config-file=${fileURLToPath(new URL(trial.config, import.meta.url))}`,
      'run',
      document,
      '--url',
      trial.url,
      `--seed=${trial.seed}`,
      `--max-examples=${trial.examples}`,
      '--request-timeout=20',
      '--continue-on-failure',
      '--warnings=off',
      '--no-color',
      // Its database of examples would make a run depend on those before it.
      '--generation-database=none',
      ...Object.entries(trial.headers ?? {}).flatMap(([name, value]) => ['--header', `${name}: ${value}`]),
      ...(trial.without === undefined ? [] : ['--exclude-path-regex', trial.without]),
    ]
    const options = { cwd: folder, timeout: PATIENCE_MS, maxBuffer: 2 ** 26 }
    const { report, passed } = await run(join(HOME, 'bin/python'), args, options).then(
      ({ stdout }) => ({ report: stdout, passed: true }),
      (error: { readonly killed?: boolean; readonly stdout: string; readonly stderr: string }) => {
        if (error.killed === true) throw new Error(`Schemathesis did not end in time:\n${error.stdout}`)
        return { report: error.stdout + error.stderr, passed: false }
      },
    )
    return { passed, cases: Number(/^ *(\d+) generated/m.exec(report)?.[1] ?? 0), report }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
