/**
 * Whether `wrangler.toml` and the worker agree. In each of its environments: the bindings are those that the worker
 * reads, in name and in type as `wrangler types` has them, and the worker can be made of their values; wrangler
 * bundles it and has nothing to warn of. And every variable that the worker reads is spoken of in the file.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { unstable_readConfig } from 'wrangler'
import { readBindings } from '../worker/bindings.ts'
import { VARIABLE_NAMES } from '../worker/variables.ts'

const CONFIG = 'wrangler.toml'
const FOLDER = 'dist/wrangler'
/** What each secret could be. */
const SECRETS: Readonly<Record<string, string>> = {
  READ_TOKENS: 'read',
  WRITE_TOKENS: 'write',
  EVICT_TOKENS: 'evict',
  KAFKA_USERNAME: 'user',
  KAFKA_PASSWORD: 'password',
  KAFKA_TOKEN: 'token',
  TIER_TOKEN: 'token',
  ORIGIN_TOKEN: 'token',
  SIGN_KEYS: `k1:${'A'.repeat(43)}=`,
}

/** What is compiled beside the types that wrangler makes of the file: `Env` has all bindings of all environments. */
const CONTRACT = `
import type { Variables } from '../../worker/variables.ts'

type Worded = 'KAFKA_FLAVOR' | 'ON_UNREACHABLE' | 'MODE' | 'UPDATES_ISOLATION' | 'TIER' | 'AUTH' | 'SIGN' | 'SIGN_EVICTIONS'
type Given = {
  readonly [K in keyof Variables]?: K extends Worded | 'TIER_KV' ? Variables[K] : string
}
declare const env: Env

/** Each binding is what the worker reads under its name, and what it cannot do without is in every environment. */
export const given: Given & { readonly KAFKA_REST_URL: string } = env
/** No binding has a name that the worker does not read. */
export const unread: Record<Exclude<keyof Env, keyof Variables>, never> = {}
`

const problems: string[] = []
const must = (holds: boolean, problem: string): void => void (holds || problems.push(problem))

rmSync(FOLDER, { recursive: true, force: true })
mkdirSync(FOLDER, { recursive: true })
checkWords()
checkTypes()
// What stands at the top is the environment without a name.
for (const environment of ['', ...(unstable_readConfig({ config: CONFIG }).definedEnvironments ?? [])]) {
  checkValues(environment)
  checkBundle(environment)
}
for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exitCode = 1

/** The file names every variable that the worker reads, and no other, in its comments too. */
function checkWords(): void {
  const text = readFileSync(CONFIG, 'utf8')
  const read = VARIABLE_NAMES
  for (const name of read) must(new RegExp(`\\b${name}\\b`).test(text), `${CONFIG} does not speak of ${name}`)
  for (const [, name] of text.matchAll(/^(?:# )?([A-Z][A-Z_]+) = /gm)) {
    must(read.includes(name!), `${CONFIG} has ${name}, which the worker does not read`)
  }
}

function checkTypes(): void {
  run('wrangler', ['types', `${FOLDER}/worker-configuration.d.ts`, '--include-runtime=false'])
  writeFileSync(`${FOLDER}/contract.ts`, CONTRACT)
  const config = {
    extends: '../../tsconfig.test.json',
    compilerOptions: { rootDir: '../..' },
    include: ['*.ts'],
  }
  writeFileSync(`${FOLDER}/tsconfig.json`, JSON.stringify({ ...config, exclude: [] }))
  run('tsc', ['-p', FOLDER])
}

/** The worker can be made of what the environment says. */
function checkValues(environment: string): void {
  const { vars, secrets, triggers, observability } = unstable_readConfig({ config: CONFIG, env: environment })
  const title = environment === '' ? 'the top' : environment
  must((triggers.crons ?? []).length > 0, `${title} has no cron: nothing beats`)
  must(observability?.enabled === true, `${title} is not observed`)
  const names: readonly string[] = secrets?.required ?? ['READ_TOKENS']
  try {
    readBindings({ ...Object.fromEntries(names.map((name) => [name, SECRETS[name]])), ...vars })
  } catch (error) {
    problems.push(`${title}: ${String(error)}`)
  }
}

function checkBundle(environment: string): void {
  const outdir = `${FOLDER}/${environment === '' ? 'top' : environment}`
  const printed = run('wrangler', ['deploy', '--dry-run', '--env', environment, '--outdir', outdir])
  // A variable that stands at the top and not in the environment, say.
  must(!printed.includes('WARNING'), printed)
}

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  must(status === 0, `${command} ${args.join(' ')}\n${stdout}${stderr}`)
  return stdout + stderr
}
