/** toxiproxy itself, from the Go module proxy: built once, kept beside the modules. @module */
import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

const VERSION = 'v2.12.0'
const MODULE = 'github.com/Shopify/toxiproxy/v2/cmd/server'
const BUILT = fileURLToPath(
  new URL(`../../node_modules/.cache/kedge-kafka/toxiproxy-${VERSION}`, import.meta.url),
)

/**
 * Why tests through toxiproxy are left out here, also printed; `undefined` when they run.
 *
 * @throws Error instead of a reason under `CI=true`: there they must run.
 */
export function withoutToxiproxy(): string | undefined {
  const reason = toxiproxyMissing()
  if (reason === undefined) return undefined
  if (process.env['CI'] === 'true') throw new Error(`Tests through toxiproxy must run under CI: ${reason}`)
  process.stderr.write(`\nNOT TESTED through toxiproxy: ${reason}\n`)
  return reason
}

/** What toxiproxy needs and this machine lacks; `undefined` when it can be had. */
export function toxiproxyMissing(): string | undefined {
  if (existsSync(BUILT) || spawnSync('go', ['version']).status === 0) return undefined
  return 'Go is not here, which builds toxiproxy'
}

/**
 * The path of the program. Test files run in processes of their own: each that finds none builds one beside, and the
 * first to move its own into place wins.
 */
export async function toxiproxyBinary(): Promise<string> {
  if (existsSync(BUILT)) return BUILT
  await mkdir(dirname(BUILT), { recursive: true })
  const folder = await mkdtemp(`${BUILT}-`)
  try {
    // No CGO: a C compiler need not be there. GOFLAGS of a person's own (`-mod=vendor`) do not concern this.
    const env = { ...process.env, GOBIN: folder, GOFLAGS: '', CGO_ENABLED: '0' }
    await run('go', ['install', `${MODULE}@${VERSION}`], { env })
    await rename(join(folder, 'server'), BUILT)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return BUILT
}
