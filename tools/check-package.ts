/**
 * Checks the package: its exports resolve, each part is small, and none but those for Node import modules of
 * Node.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { BUNDLED } from './bundled.ts'
import { tarball } from '../test/package/tarball.ts'
import { BUNDLES, SUBPATHS } from './subpaths.ts'

const problems: string[] = []
const must = (holds: boolean, problem: string): void => void (holds || problems.push(problem))

async function bundle(
  entries: readonly string[],
  external: string[],
): Promise<{ text: string; imports: string[] }> {
  const contents = entries.map((entry) => `export * from ${JSON.stringify(resolve(entry))}\n`).join('')
  // `export *` leaves a default export behind.
  const entry =
    entries.length === 1 ? { entryPoints: [...entries] } : { stdin: { contents, resolveDir: '.' } }
  const { outputFiles, metafile } = await build({
    ...entry,
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    // Neutral: esbuild then knows no built-in module, and one that is imported is an error unless named here.
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['workerd', 'worker', 'browser'],
    external,
    logLevel: 'silent',
  })
  const imports = Object.values(metafile.outputs).flatMap((each) => each.imports.map(({ path }) => path))
  return { text: outputFiles[0]!.text, imports: [...new Set(imports)] }
}

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest
const installed = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)]
  .filter((name) => name !== 'quick-lru' && !BUNDLED.includes(name))
  .flatMap((name) => [name, `${name}/*`])
const sizeOf = (text: string): number => gzipSync(text, { level: 9 }).length

const packed = await tarball()
const folder = mkdtempSync(join(tmpdir(), 'kedge-pack-'))
execFileSync('tar', ['-xzf', packed.path, '-C', folder])
const inPackage = (target: string): string => join(folder, 'package', target)
symlinkSync(resolve('node_modules'), join(folder, 'node_modules'), 'dir')

for (const subpath of Object.keys(SUBPATHS)) {
  must(subpath in manifest.exports, `tools/subpaths.ts has ${subpath}, which is not exported`)
}
for (const [subpath, target] of Object.entries(manifest.exports)) {
  if (typeof target === 'string') continue
  const limit = SUBPATHS[subpath]
  if (limit === undefined) {
    problems.push(`tools/subpaths.ts does not say how large ${subpath} may be`)
    continue
  }
  const { text, imports } = await bundle([inPackage(target.default)], ['node:*', ...installed])
  const bytes = sizeOf(text)
  const nodes = imports.filter((path) => path.startsWith('node:'))
  const others = imports.filter((path) => !path.startsWith('node:'))
  console.log(`${subpath.padEnd(24)}${String(bytes).padStart(7)} bytes  ${others.join(' ')}`)
  must(bytes <= limit.maxBytes, `${subpath} is ${bytes} bytes gzipped, more than ${limit.maxBytes}`)
  must(limit.node === true || nodes.length === 0, `${subpath} imports ${nodes.join(', ')}`)
  if (subpath === '.') must(others.length === 0, `the core imports ${others.join(', ')}`)
  if (subpath.startsWith('./adapters/'))
    must(!others.some((path) => path.startsWith('zod')), `${subpath} imports zod (decision 115)`)
}

for (const [name, { parts, maxBytes }] of Object.entries(BUNDLES)) {
  const files = parts.map((part) => {
    const target = manifest.exports[part]
    return typeof target === 'object' ? inPackage(target.default) : part
  })
  // Bundled without `nodejs_compat`: an import of `node:` anything would fail right here.
  const bytes = sizeOf((await bundle(files, ['cloudflare:*'])).text)
  console.log(`${name.padEnd(24)}${String(bytes).padStart(7)} bytes`)
  must(bytes <= maxBytes, `${name} is ${bytes} bytes gzipped, more than ${maxBytes}`)
}

for (const file of ['package-lock.json', 'package.json']) {
  const hosts = readFileSync(file, 'utf8').match(/"resolved": "https?:\/\/(?!registry\.npmjs\.org\/)[^"]*"/g)
  must(hosts === null, `${file} names another host than the default one: ${hosts?.[0]}`)
}

try {
  run('publint', ['run', packed.path, '--strict'])
  run('attw', [packed.path, '--profile', 'esm-only'])
} finally {
  rmSync(folder, { recursive: true, force: true })
  await packed.remove()
}

function run(command: string, args: string[]): void {
  try {
    execFileSync(command, args, { encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    problems.push(`${command}:\n${stdout}${stderr}`)
  }
}

for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exitCode = 1
