/**
 * Whether `wrangler.toml` and the worker agree. In each of its environments: the bindings are those that the worker
 * reads, in name and in type as `wrangler types` has them, and the worker can be made of their values; wrangler
 * bundles it and has nothing to warn of. And every variable that the worker reads is spoken of in the file. All of it once
 * more with the tail that stands there as a comment.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { unstable_readConfig } from 'wrangler'
import { readBindings } from '../worker/bindings.ts'
import { VARIABLE_NAMES } from '../worker/variables.ts'
import { withTail } from './wrangler-with-tail.ts'

const CONFIG = 'wrangler.toml'
const FOLDER = 'dist/wrangler'
/** The same file, with the tail. */
const WITH_TAIL = `${FOLDER}/tail/wrangler.toml`
/** What each secret could be. */
const SECRETS: Readonly<Record<string, string>> = {
  READ_TOKENS: 'read',
  WRITE_TOKENS: 'write',
  EVICT_TOKENS: 'evict',
  KAFKA_USERNAME: 'user',
  KAFKA_PASSWORD: 'password',
  KAFKA_TOKEN: 'token',
  TIER_TOKEN: 'token',
  TAIL_SECRET: `${'A'.repeat(43)}=`,
  ORIGIN_TOKEN: 'token',
  SIGN_KEYS: `k1:${'A'.repeat(43)}=`,
}

/** What is compiled beside the types that wrangler makes of the file: `Env` has all bindings of all environments. */
const CONTRACT = `
import type { Variables } from '../../worker/variables.ts'

type Worded = 'KAFKA_FLAVOR' | 'ON_UNREACHABLE' | 'MODE' | 'UPDATES_ISOLATION' | 'TIER' | 'AUTH' | 'SIGN' | 'SIGN_EVICTIONS'
type Given = {
  readonly [K in keyof Variables]?: K extends Worded | 'TIER_KV' | 'KEDGE_TAIL' ? Variables[K] : string
}
declare const env: Env

/** Each binding is what the worker reads under its name, and what it cannot do without is in every environment. */
export const given: Given & { readonly KAFKA_REST_URL: string } = env
/** No binding has a name that the worker does not read. */
export const unread: Record<Exclude<keyof Env, keyof Variables>, never> = {}
`

/** That the types of the platform take the class, and the worker what they say of its namespace. */
const TAIL_CONTRACT = `
import type { KedgeTail } from '../../../worker/cloudflare.ts'
import { durableTail, type TailNamespace } from '../../../worker/tail.ts'

declare const env: Env
declare const objects: DurableObjectNamespace<KedgeTail>
export const bound: TailNamespace | undefined = env.KEDGE_TAIL
export const ask = durableTail(objects, { region: 'weur' })
`

const problems: string[] = []
const must = (holds: boolean, problem: string): void => void (holds || problems.push(problem))

rmSync(FOLDER, { recursive: true, force: true })
mkdirSync(FOLDER, { recursive: true })
checkWords()
checkTypes(CONFIG, FOLDER, CONTRACT, {}, ['--include-runtime=false'])
const named = unstable_readConfig({ config: CONFIG }).definedEnvironments ?? []
mkdirSync(`${FOLDER}/tail`)
writeFileSync(WITH_TAIL, withTail(readFileSync(CONFIG, 'utf8'), named, '../../../worker/cloudflare.ts'))
// The types of the platform are for bundlers, and contradict those of web workers.
const bundled = { module: 'esnext', moduleResolution: 'bundler', types: [], skipLibCheck: true }
checkTypes(WITH_TAIL, `${FOLDER}/tail`, TAIL_CONTRACT, bundled, [])
for (const config of [CONFIG, WITH_TAIL])
  // What stands at the top is the environment without a name.
  for (const environment of ['', ...named]) {
    checkValues(config, environment)
    checkBundle(config, environment)
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

function checkTypes(
  config: string,
  folder: string,
  contract: string,
  compilerOptions: object,
  how: readonly string[],
): void {
  run('wrangler', ['types', `${folder}/worker-configuration.d.ts`, '--config', config, ...how])
  writeFileSync(`${folder}/contract.ts`, contract)
  const root = relative(folder, '.')
  const project = {
    extends: `${root}/tsconfig.test.json`,
    compilerOptions: { rootDir: root, ...compilerOptions },
    include: ['*.ts'],
    exclude: [],
  }
  writeFileSync(`${folder}/tsconfig.json`, JSON.stringify(project))
  run('tsc', ['-p', folder])
}

/** The worker can be made of what the environment says. */
function checkValues(config: string, environment: string): void {
  const read = unstable_readConfig({ config, env: environment })
  const { vars, secrets, triggers, observability, durable_objects: objects } = read
  const title = environment === '' ? `the top of ${config}` : `${environment} of ${config}`
  must((triggers.crons ?? []).length > 0, `${title} has no cron: nothing beats`)
  must(observability?.enabled === true, `${title} is not observed`)
  const names: readonly string[] = secrets?.required ?? ['READ_TOKENS']
  try {
    const namespaces = objects.bindings.map(({ name }: { readonly name: string }) => [
      name,
      { getByName: () => undefined },
    ])
    const given = names.map((name) => [name, SECRETS[name]])
    const { tail } = readBindings({ ...Object.fromEntries([...given, ...namespaces]), ...vars })
    must((tail !== undefined) === (config === WITH_TAIL), `${title}: the tail is not as the file says`)
  } catch (error) {
    problems.push(`${title}: ${String(error)}`)
  }
}

function checkBundle(config: string, environment: string): void {
  const outdir = `${FOLDER}/out/${environment === '' ? 'top' : environment}`
  const how = ['--config', config, '--env', environment, '--outdir', outdir]
  const printed = run('wrangler', ['deploy', '--dry-run', ...how])
  const isBound = printed.includes('env.KEDGE_TAIL (KedgeTail)')
  must(
    isBound === (config === WITH_TAIL),
    `${config} ${environment}: KEDGE_TAIL is not bound as the file says`,
  )
  // A variable that stands at the top and not in the environment, say.
  must(!printed.includes('WARNING'), printed)
}

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  must(status === 0, `${command} ${args.join(' ')}\n${stdout}${stderr}`)
  return stdout + stderr
}
