/**
 * Lambda's own parts, fetched once and kept beside the modules: the runtime interface emulator, as the package
 * `aws-sam-cli` of PyPI carries it, and the runtime interface client for Node, `aws-lambda-ric` of npm, which is built
 * on the way.
 *
 * @module
 */
import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

const SAM = '1.170.0'
const CLIENT = '4.0.2'
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'arm64' }

const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/kedge-lambda/', import.meta.url))
const EMULATOR = join(CACHE, `aws-lambda-rie-${SAM}`)
const CLIENT_FOLDER = join(CACHE, `aws-lambda-ric-${CLIENT}`)

/** What the client is built with. */
const TOOLS = ['npm', 'cmake', 'make', 'c++', 'xz']

/**
 * Why tests in the emulator are left out here, also printed; `undefined` when they run.
 *
 * @throws Error instead of a reason under `CI=true`: there they must run.
 */
export function withoutEmulator(): string | undefined {
  const reason = emulatorMissing()
  if (reason === undefined) return undefined
  if (process.env['CI'] === 'true') throw new Error(`Tests in Lambda's emulator must run under CI: ${reason}`)
  process.stderr.write(`\nNOT TESTED in Lambda's runtime interface emulator: ${reason}\n`)
  return reason
}

/** What the emulator needs and this machine lacks; `undefined` when it can be had. */
export function emulatorMissing(): string | undefined {
  if (process.platform !== 'linux' || ARCHITECTURES[process.arch] === undefined)
    return 'it is a program for Linux, on x86-64 or ARM'
  if (!existsSync(EMULATOR) && !has('python3', '-m', 'pip', '--version'))
    return 'Python with pip is not here (it fetches the emulator)'
  const tool = existsSync(CLIENT_FOLDER) ? undefined : TOOLS.find((name) => !has(name, '--version'))
  return tool === undefined
    ? undefined
    : `${tool} is not here (the runtime interface client is built with it)`
}

const has = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0

/** The path of the emulator. Test files run in processes of their own: the first to move its own into place wins. */
export async function emulator(): Promise<string> {
  return existsSync(EMULATOR) ? EMULATOR : made(EMULATOR, fetchEmulator)
}

/** The path of the program that runs a function: `node <path> <file>.<handler>`. */
export async function runtimeClient(): Promise<string> {
  if (!existsSync(CLIENT_FOLDER)) await made(CLIENT_FOLDER, buildClient)
  return join(CLIENT_FOLDER, 'node_modules/aws-lambda-ric/index.mjs')
}

async function made(path: string, make: (folder: string) => Promise<string>): Promise<string> {
  await mkdir(dirname(path), { recursive: true })
  const folder = await mkdtemp(`${path}-`)
  try {
    const found = await make(folder)
    await rename(found, path).catch((error: unknown) => {
      if (!existsSync(path)) throw error
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return path
}

async function fetchEmulator(folder: string): Promise<string> {
  const pip = ['-m', 'pip', '--disable-pip-version-check', '--quiet', 'download']
  await run('python3', [...pip, '--no-deps', '--dest', folder, `aws-sam-cli==${SAM}`])
  const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'))
  if (wheel === undefined) throw new Error('PyPI has no wheel of aws-sam-cli')
  const within = `samcli/local/rapid/aws-lambda-rie-${ARCHITECTURES[process.arch]}`
  await run('python3', ['-m', 'zipfile', '-e', join(folder, wheel), folder])
  const file = join(folder, within)
  await chmod(file, 0o755)
  return file
}

async function buildClient(folder: string): Promise<string> {
  const own = join(folder, 'client')
  await mkdir(own)
  // Its install scripts build it; npm asks that they be named.
  const manifest = { private: true, allowScripts: { 'aws-lambda-ric': true } }
  await writeFile(join(own, 'package.json'), JSON.stringify(manifest))
  const args = ['install', '--prefix', own, '--no-audit', '--no-fund', '--no-package-lock']
  await run('npm', [...args, `aws-lambda-ric@${CLIENT}`], { cwd: own, maxBuffer: 64_000_000 })
  return own
}
