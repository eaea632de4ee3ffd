/** A service of `kedge` as a process, made of a module. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))

export interface ServiceProcess {
  readonly child: ChildProcess
  readonly folder: string
  /** Where its health is. */
  readonly listening: string
  readonly ended: Promise<{ readonly code: number | null; readonly out: string; readonly err: string }>
}

/**
 * Starts it, and ends it with the test. Resolves when it listens and has said `ready`.
 *
 * @param text the module
 */
export async function startService(
  name: string,
  text: string,
  args: readonly string[],
  ready: string,
): Promise<ServiceProcess> {
  const folder = await mkdtemp(join(tmpdir(), `kedge-${name}-`))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'module.mjs'), text)
  const child = spawn(process.execPath, [MAIN, name, '--module', 'module.mjs', ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let out = ''
  let err = ''
  child.stderr.setEncoding('utf8').on('data', (said: string) => (err += said))
  const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, out, err })),
  )
  const listening = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (said: string) => {
      out += said
      const found = /listening on (http:\S+)/.exec(out)
      if (found && out.includes(ready)) resolve(found[1]!)
    })
    void ended.then((result) => reject(new Error(JSON.stringify(result))))
  })
  return { child, folder, listening, ended }
}

/** Asks until the answer has this status: a process needs time to start. */
export async function until<T>(look: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await look()
    if (holds(value)) return value
    await new Promise((resolve) => setImmediate(resolve))
  }
}
