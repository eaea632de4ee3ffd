/**
 * Whether the package is what it says: its exports resolve, the core is small, and neither it nor the worker
 * needs anything of Node.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

/** The core without zod, minified and gzipped. */
const MAX_CORE_BYTES = 34_000

const problems: string[] = []
const must = (holds: boolean, problem: string): void => void (holds || problems.push(problem))

async function bundle(entry: string, external: string[]): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    // Neutral: esbuild then knows no built-in module, and one that is imported is an error unless named here.
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['workerd', 'worker', 'browser'],
    external,
    logLevel: 'silent',
  })
  return outputFiles[0]!.text
}

const core = await bundle('dist/src/index.js', ['zod'])
const coreBytes = gzipSync(core, { level: 9 }).length
must(coreBytes <= MAX_CORE_BYTES, `the core is ${coreBytes} bytes gzipped, more than ${MAX_CORE_BYTES}`)

// Bundled without `nodejs_compat`: an import of `node:` anything would fail right here.
const worker = await bundle('worker/cloudflare.ts', ['cloudflare:*'])
must(!/from\s*["']node:/.test(worker), 'the worker imports a module of Node')

for (const file of ['package-lock.json', 'package.json']) {
  const hosts = readFileSync(file, 'utf8').match(/"resolved": "https?:\/\/(?!registry\.npmjs\.org\/)[^"]*"/g)
  must(hosts === null, `${file} names another host than the default one: ${hosts?.[0]}`)
}

const folder = mkdtempSync(join(tmpdir(), 'kedge-pack-'))
try {
  const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { encoding: 'utf8' })
  const tarball = join(folder, packed.trim().split('\n').at(-1)!)
  run('publint', ['run', tarball, '--strict'])
  run('attw', [tarball, '--profile', 'esm-only'])
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function run(command: string, args: string[]): void {
  try {
    execFileSync(command, args, { encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    problems.push(`${command}:\n${stdout}${stderr}`)
  }
}

console.log(
  `core: ${coreBytes} bytes gzipped without zod; worker: ${gzipSync(worker, { level: 9 }).length} with it`,
)
for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exitCode = 1
