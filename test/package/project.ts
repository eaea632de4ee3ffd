/** An empty folder that becomes a user's project. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { ROOT } from './tarball.ts'

/** Only a program that hangs takes this long. */
const LIMIT_MS = 120_000

export interface Project {
  readonly folder: string
  write(path: string, text: string): Promise<void>
  /** Runs a program of this repository's own tools, or of the machine. @throws Error with all that it printed */
  run(program: string, ...args: readonly string[]): Promise<string>
  remove(): Promise<void>
}

export async function project(files: Readonly<Record<string, string>>): Promise<Project> {
  const folder = await mkdtemp(join(tmpdir(), 'kedge-project-'))
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  for (const [path, text] of Object.entries(files)) await write(path, text)
  return {
    folder,
    write,
    run: (program, ...args) => output(program, args, folder),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

function output(program: string, args: readonly string[], cwd: string): Promise<string> {
  const env = {
    ...process.env,
    PATH: `${join(ROOT, 'node_modules/.bin')}:${process.env['PATH']}`,
    NO_COLOR: '1',
    FORCE_COLOR: '0',
    WRANGLER_SEND_METRICS: 'false',
  }
  return new Promise((resolve, reject) => {
    execFile(
      program,
      args,
      { cwd, env, timeout: LIMIT_MS, maxBuffer: 16_000_000 },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout.trim())
        else reject(new Error(`${program} ${args.join(' ')}\n${stdout}\n${stderr}`, { cause: error }))
      },
    )
  })
}
