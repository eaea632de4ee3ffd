/** The runtimes, all from the npm registry: how each is made to run one module, and to say what came of it. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startIsolate } from '../worker/miniflare-isolate.ts'
import type { Told } from './everywhere.ts'
import { node22 } from './older-node.ts'
import type { Outside } from './over-http.ts'

export interface RuntimeUnderTest {
  readonly name: string
  /** What it calls itself, in part. */
  readonly userAgent: string
  /** Runs `everywhere()` of the module. */
  readonly run: (module: string, outside: Outside) => Promise<Told>
}

/** Only a runtime that hangs takes this long. */
const LIMIT_MS = 150_000
const MARK = 'TOLD '

export const RUNTIMES: readonly RuntimeUnderTest[] = [
  { name: 'Node 24', userAgent: 'Node.js/24', run: asProgram(async () => [installed('node')]) },
  { name: 'Node 22', userAgent: 'Node.js/22', run: asProgram(async () => [await node22()]) },
  { name: 'Deno', userAgent: 'Deno/', run: asProgram(async () => [installed('deno'), 'run', '--allow-net']) },
  { name: 'Bun', userAgent: 'Bun/', run: asProgram(async () => [installed('bun'), 'run']) },
  { name: 'workerd, in Miniflare', userAgent: 'Cloudflare-Workers', run: inMiniflare },
  { name: 'workerd test', userAgent: 'Cloudflare-Workers', run: inWorkerd },
]

function installed(name: string): string {
  return fileURLToPath(new URL(`../../node_modules/.bin/${name}`, import.meta.url))
}

/** As a program of a command line, which prints what came of it. */
function asProgram(command: () => Promise<readonly string[]>): RuntimeUnderTest['run'] {
  return (module, outside) =>
    inFolder(async (folder) => {
      await writeFile(join(folder, 'everywhere.mjs'), module)
      await writeFile(
        join(folder, 'main.mjs'),
        `import { everywhere } from './everywhere.mjs'
         console.log(${JSON.stringify(MARK)} + JSON.stringify(await everywhere(${JSON.stringify(outside)})))`,
      )
      const [program = '', ...before] = await command()
      return outputOf(program, [...before, 'main.mjs'], folder)
    })
}

async function inMiniflare(module: string, outside: Outside): Promise<Told> {
  const worker = `${module}
    export default { fetch: async () => Response.json(await everywhere(${JSON.stringify(outside)})) }`
  const isolate = await startIsolate(worker)
  try {
    const response = await fetch(isolate.url, { signal: AbortSignal.timeout(LIMIT_MS) })
    if (!response.ok) throw new Error(await response.text())
    return (await response.json()) as Told
  } finally {
    await isolate.close()
  }
}

/** As Cloudflare runs workerd's own tests: nothing of Miniflare, no flag, above all no `nodejs_compat`. */
function inWorkerd(module: string, outside: Outside): Promise<Told> {
  const config = `using Workerd = import "/workerd/workerd.capnp";
    const tests :Workerd.Config = (services = [
      (name = "main", worker = (
        modules = [(name = "main", esModule = embed "main.js"), (name = "everywhere.js", esModule = embed "everywhere.js")],
        compatibilityDate = "2026-06-01",
      )),
      (name = "internet", network = (allow = ["private", "local"])),
    ]);`
  return inFolder(async (folder) => {
    await writeFile(join(folder, 'everywhere.js'), module)
    await writeFile(
      join(folder, 'main.js'),
      `import { everywhere } from 'everywhere.js'
       export default { test: async () =>
         console.log(${JSON.stringify(MARK)} + JSON.stringify(await everywhere(${JSON.stringify(outside)}))) }`,
    )
    await writeFile(join(folder, 'config.capnp'), config)
    return outputOf(installed('workerd'), ['test', 'config.capnp'], folder)
  })
}

async function outputOf(program: string, args: readonly string[], cwd: string): Promise<Told> {
  const { stdout, stderr } = await promisify(execFile)(program, args, {
    cwd,
    timeout: LIMIT_MS,
    maxBuffer: 16_000_000,
    env: { PATH: process.env['PATH'], HOME: cwd, NO_COLOR: '1' },
  })
  const line = `${stdout}\n${stderr}`.split('\n').find((each) => each.includes(MARK))
  if (line === undefined) throw new Error(`the program printed no result:\n${stdout}\n${stderr}`)
  return JSON.parse(line.slice(line.indexOf(MARK) + MARK.length)) as Told
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'kedge-runtime-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
