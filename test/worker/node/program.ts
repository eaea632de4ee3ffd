/** A program in a runtime of its own, as a process. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

export type RuntimeName = 'Node' | 'Deno' | 'Bun'

const COMMANDS: Readonly<Record<RuntimeName, readonly string[]>> = {
  Node: ['node'],
  Deno: ['deno', 'run', '--allow-net', '--allow-env', '--allow-read', '--allow-sys'],
  Bun: ['bun', 'run'],
}

const programOf = (name: string): string =>
  fileURLToPath(new URL(`../../../node_modules/.bin/${name}`, import.meta.url))

/** Those that are installed. One that is not is reported, so that its absence does not pass for success. */
export const INSTALLED: readonly RuntimeName[] = (Object.keys(COMMANDS) as RuntimeName[]).filter(
  (runtime) => {
    const isThere = existsSync(programOf(COMMANDS[runtime][0]!))
    if (!isThere)
      process.stderr.write(`\nLEFT OUT: ${runtime} is not installed; its servers are not tested.\n`)
    return isThere
  },
)

interface Ended {
  readonly code: number | string | null
  readonly out: string
  readonly err: string
}

export interface Program {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves with what the text matches of the standard output; rejects when the process ends without it. */
  readonly says: (text: RegExp) => Promise<RegExpExecArray>
}

/** Runs a module, in an empty folder. It ends with the test. */
export async function run(
  runtime: RuntimeName,
  module: string,
  env: Readonly<Record<string, string>>,
): Promise<Program> {
  const folder = await mkdtemp(join(tmpdir(), 'kedge-server-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'main.mjs'), module)
  const [name = '', ...args] = COMMANDS[runtime]
  return start(programOf(name), [...args, 'main.mjs'], { ...env, HOME: folder, NO_COLOR: '1' }, folder)
}

/** `kedge` of the sources, in Node. */
export function kedge(args: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
  const main = fileURLToPath(new URL('../../../cli/main.ts', import.meta.url))
  return start(process.execPath, [main, ...args], env, tmpdir())
}

/** `kedge gateway` on a log in memory; where it listens. */
export async function gateway(): Promise<string> {
  const { says } = kedge(['gateway', '--log', 'memory', '--port', '0'])
  return (await says(/listening on (http:\S+)/))[1]!
}

function start(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd: string,
): Program {
  const child = spawn(program, args, {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], ...env },
  })
  let out = ''
  let err = ''
  const waiting = new Set<() => void>()
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
    for (const look of waiting) look()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const ended = new Promise<Ended>((resolve) =>
    child.on('close', (code, signal) => resolve({ code: code ?? signal, out, err })),
  )
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const says = (text: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const found = text.exec(out)
        if (found) resolve(found)
      }
      waiting.add(look)
      look()
      void ended.then((result) => reject(new Error(`it has ended: ${JSON.stringify(result)}`)))
    })
  return { child, ended, says }
}
