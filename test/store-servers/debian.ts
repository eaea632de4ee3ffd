/** Servers from Debian's packages, unpacked beside the modules: no root, nothing installed. @module */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/kedge-services', import.meta.url))

export interface DebianProgram {
  /** Of Debian, with all that it depends on: `'redis-server'`. */
  readonly package: string
  /** The name of its file: `'redis-server'`. Looked up on `PATH` first. */
  readonly name: string
}

/** A program that can be run here. */
export interface Program {
  readonly file: string
  /** What it must find in its environment, over that of the tests. */
  readonly env: Readonly<Record<string, string>>
}

/** Why a program cannot be had here; `undefined` when it can. */
export function missing(program: DebianProgram): string | undefined {
  if (onPath(program.name) !== undefined || existsSync(folderOf(program))) return undefined
  for (const tool of ['apt-get', 'dpkg-deb']) {
    if (onPath(tool) === undefined) return `neither ${program.name} nor ${tool} is here`
  }
  return undefined
}

/**
 * Why tests on a real server are left out here, also printed; `undefined` when they run.
 *
 * @throws Error instead of a reason under `CI=true`: there they must run.
 */
export function without(program: DebianProgram): string | undefined {
  const reason = missing(program)
  if (reason === undefined) return undefined
  if (process.env['CI'] === 'true') throw new Error(`Tests on a real server must run under CI: ${reason}`)
  process.stderr.write(`\nNOT TESTED on a real ${program.name}: ${reason}\n`)
  return reason
}

/**
 * The program, fetched where it is not here yet. Test files run in processes of their own: each unpacks beside, and
 * the first to move its folder into place wins.
 *
 * @throws Error when it cannot be had.
 */
export async function fetchProgram(program: DebianProgram): Promise<Program> {
  const installed = onPath(program.name)
  if (installed !== undefined) return { file: installed, env: {} }
  const reason = missing(program)
  if (reason !== undefined) throw new Error(reason)
  const target = folderOf(program)
  if (!existsSync(target)) {
    await mkdir(CACHE, { recursive: true })
    const folder = await mkdtemp(`${target}-`)
    try {
      await unpack(program.package, folder)
      await rename(folder, target)
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      if (!existsSync(target)) throw error
    }
  }
  const at = (folder: string) => join(target, folder)
  const file = ['usr/bin', 'usr/sbin'].map((folder) => at(join(folder, program.name))).find(existsSync)
  if (file === undefined) throw new Error(`the package ${program.package} holds no ${program.name}`)
  const libraries = await Promise.all(['usr/lib', 'lib'].map((folder) => withFoldersBelow(at(folder), 2)))
  return { file, env: { LD_LIBRARY_PATH: libraries.flat().join(delimiter) } }
}

const folderOf = (program: DebianProgram): string => join(CACHE, program.package)

function onPath(name: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(existsSync)
}

/** A folder of libraries and those below it: `/usr/lib`, `/usr/lib/x86_64-linux-gnu`, and its `pulseaudio`. */
async function withFoldersBelow(folder: string, depth: number): Promise<string[]> {
  if (!existsSync(folder)) return []
  const entries = depth === 0 ? [] : await readdir(folder, { withFileTypes: true })
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name))
  return [folder, ...(await Promise.all(folders.map((each) => withFoldersBelow(each, depth - 1)))).flat()]
}

/** The package, and what it needs and this machine has not. */
async function unpack(name: string, folder: string): Promise<void> {
  const files = join(folder, 'packages')
  await mkdir(files)
  try {
    await download(name, files, [])
  } catch {
    // The lists of packages are absent or old: fresh ones go into a folder of our own, which needs no root.
    const lists = join(files, 'lists')
    await mkdir(join(lists, 'partial'), { recursive: true })
    const fresh = ['-o', `Dir::State::Lists=${lists}`, '-o', `Dir::Cache=${files}`]
    await run('apt-get', [...fresh, '-qq', 'update'])
    await download(name, files, fresh)
  }
  for (const file of await readdir(files)) {
    if (file.endsWith('.deb')) await run('dpkg-deb', ['-x', join(files, file), folder])
  }
  await rm(files, { recursive: true, force: true })
}

async function download(name: string, folder: string, options: readonly string[]): Promise<void> {
  // Nothing is installed: apt only says what it would fetch, as lines of `'address' name size hash`.
  const asking = ['-qq', '-y', '--print-uris', '--no-install-recommends', '--reinstall', 'install', name]
  const { stdout } = await run('apt-get', [...options, ...asking])
  const packages = [...stdout.matchAll(/^'[^']*' ([a-z0-9.+-]+)_/gm)].map((match) => match[1] ?? '')
  if (packages.length === 0) throw new Error(`apt-get knows nothing to fetch for ${name}`)
  await run('apt-get', [...options, '-qq', 'download', ...packages], { cwd: folder })
}
