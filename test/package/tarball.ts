/** The package as npm publishes it: built and packed from a copy of the sources, where nothing is left of an earlier build. */
import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** What is not needed to build. */
const LEFT_OUT = new Set([
  '.git',
  'node_modules',
  'dist',
  'test',
  'bench',
  'demo',
  'docs',
  'examples',
  '.wrangler',
])

/** The clone itself may have any name. */
const isNeeded = (path: string): boolean => path === ROOT || !LEFT_OUT.has(basename(path))

export interface Tarball {
  readonly path: string
  remove(): Promise<void>
}

export async function tarball(): Promise<Tarball> {
  const folder = await mkdtemp(join(tmpdir(), 'kedge-tarball-'))
  const sources = join(folder, 'sources')
  await cp(ROOT, sources, { recursive: true, filter: isNeeded })
  await symlink(join(ROOT, 'node_modules'), join(sources, 'node_modules'), 'dir')
  const env = { ...process.env, PATH: `${join(ROOT, 'node_modules/.bin')}:${process.env['PATH']}` }
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', folder], {
    cwd: sources,
    env,
  })
  const name = stdout.trim().split('\n').at(-1) ?? ''
  return { path: join(folder, name), remove: () => rm(folder, { recursive: true, force: true }) }
}
