/** An older Node from the npm registry, kept beside the modules: each version is a package of its own. @module */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

const VERSION = '22.23.3'
const PACKAGE = `node-${process.platform}-${process.arch}`
const KEPT = fileURLToPath(
  new URL(`../../node_modules/.cache/kedge-node/${PACKAGE}-${VERSION}`, import.meta.url),
)

/** The path of the program. */
export async function node22(): Promise<string> {
  const path = join(KEPT, 'node_modules', PACKAGE, 'bin', 'node')
  if (existsSync(path)) return path
  await mkdir(dirname(KEPT), { recursive: true })
  const folder = await mkdtemp(`${KEPT}-`)
  try {
    await writeFile(join(folder, 'package.json'), '{ "private": true }')
    await run('npm', ['install', '--no-save', '--no-audit', '--no-fund', `${PACKAGE}@${VERSION}`], {
      cwd: folder,
      shell: process.platform === 'win32',
    })
    // Another test file may have been quicker: then its own is as good.
    await rename(folder, KEPT).catch((error: unknown) => {
      if (!existsSync(path)) throw error
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return path
}
