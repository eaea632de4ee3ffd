/** Commands as processes, for pages that are looked at. @module */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { ROOT } from '../package/tarball.ts'

/** How long a command may take to end by itself. */
const GRACE_MS = 10_000

export interface RunningCommand {
  readonly address: string
  /** Ends it as a signal does, and resolves when it has ended. */
  stop(): Promise<void>
}

/** Starts `kedge`, and ends it with the test. Resolves with the address that `said` finds in its output. */
export const startCommand = (
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  said: RegExp = /listening on (http:\S+)/,
): Promise<RunningCommand> => startProgram('cli/main.ts', args, env, said)

/** The same with `npm start`: resolves with the address of its page. */
export const startTour = (): Promise<RunningCommand> =>
  startProgram('examples/tour/start.ts', ['--port', '0'], {}, /Watch it at (http:\S+)\/ui,/)

async function startProgram(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  said: RegExp,
): Promise<RunningCommand> {
  const folder = await mkdtemp(join(tmpdir(), 'kedge-page-'))
  const child = spawn(process.execPath, [join(ROOT, file), ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], ...env },
  })
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
  }
  onTestFinished(async () => {
    // Killed at once, the tour would leave its workers behind.
    const late = setTimeout(() => child.kill('SIGKILL'), GRACE_MS)
    await stop()
    clearTimeout(late)
    await rm(folder, { recursive: true, force: true })
  })
  let output = ''
  const address = await new Promise<string>((resolve, reject) => {
    const take = (text: string) => {
      output += text
      const found = said.exec(output)?.[1]
      if (found) resolve(found)
    }
    child.stdout.setEncoding('utf8').on('data', take)
    child.stderr.setEncoding('utf8').on('data', take)
    void ended.then(() => reject(new Error(`${file} ${args.join(' ')} has ended: ${output}`)))
  })
  return { address, stop }
}
