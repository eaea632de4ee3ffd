/** Older Nodes from the npm registry, kept beside the modules: each version is a package of its own. @module */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

const PACKAGE = `node-${process.platform}-${process.arch}`

/** The path of the program. */
export const node22 = (): Promise<string> => olderNode('22.23.3')

/** The path of the program of the oldest Node that the package is for. */
export const node20 = (): Promise<string> => olderNode('20.20.2')

async function olderNode(version: string): Promise<string> {
  const kept = fileURLToPath(
    new URL(`../../node_modules/.cache/kedge-node/${PACKAGE}-${version}`, import.meta.url),
  )
  const path = join(kept, 'node_modules', PACKAGE, 'bin', 'node')
  if (existsSync(path)) return path
  await mkdir(dirname(kept), { recursive: true })
  const folder = await mkdtemp(`${kept}-`)
  try {
    await writeFile(join(folder, 'package.json'), '{ "private": true }')
    await run('npm', ['install', '--no-save', '--no-audit', '--no-fund', `${PACKAGE}@${version}`], {
      cwd: folder,
      shell: process.platform === 'win32',
    })
    // Another test file may have been quicker: then this one uses its download.
    await rename(folder, kept).catch((error: unknown) => {
      if (!existsSync(path)) throw error
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return path
}
