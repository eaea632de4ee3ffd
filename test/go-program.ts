/** Programs from Go's module proxy: each is built once, and kept beside the modules. @module */
import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface GoProgram {
  /** What it is called in reasons. */
  readonly name: string
  /** The package that is its `main`. */
  readonly source: string
  readonly version: string
}

const pathOf = ({ name, version }: GoProgram): string =>
  fileURLToPath(new URL(`../node_modules/.cache/kedge-go/${name}-${version}`, import.meta.url))

/** What the program needs and this machine lacks; `undefined` when it can be had. */
export function goProgramMissing(program: GoProgram): string | undefined {
  if (existsSync(pathOf(program)) || spawnSync('go', ['version']).status === 0) return undefined
  return `Go is not here, which builds ${program.name}`
}

/**
 * The path of the program. Test files run in processes of their own: each that finds none builds one beside, and the
 * first to move its own into place wins.
 */
export async function goProgram(program: GoProgram): Promise<string> {
  const built = pathOf(program)
  if (existsSync(built)) return built
  await mkdir(dirname(built), { recursive: true })
  const folder = await mkdtemp(`${built}-`)
  try {
    // No CGO: a C compiler need not be there. GOFLAGS of a person's own (`-mod=vendor`) do not concern this.
    const env = { ...process.env, GOBIN: folder, GOFLAGS: '', CGO_ENABLED: '0' }
    await run('go', ['install', '-ldflags', '-s -w', `${program.source}@${program.version}`], { env })
    await rename(join(folder, basename(program.source)), built)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return built
}
