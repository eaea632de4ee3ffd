/** A long-lived program of a page, as a process: it is given an address of its own, has to listen, and to end well. */
import { spawn } from 'node:child_process'
import process from 'node:process'
import { join } from 'node:path'
import { ROOT } from '../package/tarball.ts'

export interface Listening {
  readonly url: string
  /** As a process manager ends it. @throws Error unless its exit code is 0 */
  end(): Promise<void>
}

/** Runs `kedge` of the sources. @throws Error with all that it said, where it ends before it listens */
export function listening(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Listening> {
  const child = spawn(process.execPath, [join(ROOT, 'cli/main.ts'), ...args], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const end = async (): Promise<void> => {
    child.kill('SIGTERM')
    const code = await ended
    if (code !== 0) throw new Error(`kedge ${args.join(' ')} ended with ${code}: ${said}`)
  }
  return new Promise((resolve, reject) => {
    const hear = (text: string): void => {
      said += text
      const url = /(?:listening on|answers on) (http:\S+)/.exec(said)?.[1]
      if (url !== undefined) resolve({ url, end })
    }
    child.stdout.setEncoding('utf8').on('data', hear)
    child.stderr.setEncoding('utf8').on('data', hear)
    void ended.then(() => reject(new Error(`kedge ${args.join(' ')} has ended: ${said}`)))
  })
}

/** Its output. @throws Error unless it ends with 0 */
export function ending(args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  const child = spawn(process.execPath, [join(ROOT, 'cli/main.ts'), ...args], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  return new Promise((resolve, reject) => {
    child.once('close', (code) => {
      if (code === 0) resolve(out)
      else reject(new Error(`kedge ${args.join(' ')} ended with ${code}: ${err}`))
    })
  })
}
