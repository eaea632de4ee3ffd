/**
 * The package as JSR sees it, made from `package.json`: the sources themselves instead of what is built from them.
 *
 * `node tools/jsr.ts` says whether `jsr.json` is up to date, `--write` writes it.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { BUNDLED } from './bundled.ts'

interface Package {
  readonly version: string
  readonly license: string
  readonly files: readonly string[]
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
}

const JSR = 'jsr.json'
/** Programs for a command line are for npm, and so is what is bundled. */
const NOT_ON_JSR: ReadonlySet<string> = new Set([
  'dist/cli',
  'dist/chunks',
  'dist/vendor',
  'dist/THIRD-PARTY-NOTICES.txt',
  'dist/sbom.cdx.json',
])
/** The list of adapters is for tests and tools. */
const EXCLUDED: readonly string[] = ['adapters/manifest.ts', 'adapters/manifest']
/** Packages of which subpaths are imported, such as `zod/mini`. */
const BY_SUBPATH: ReadonlySet<string> = new Set(['zod', 'hono'])
/** Modules of JSR may not add to the types of others, as `kedge/worker` does to Hono's. */
const INSTEAD: Readonly<Record<string, string>> = { './worker': './worker/library.ts' }

export function jsrOf(manifest: Package): string {
  const exports: Record<string, string> = {}
  for (const [subpath, target] of Object.entries(manifest.exports)) {
    if (typeof target === 'string') continue
    const source = target.default.replace('./dist/', './').replace(/\.js$/, '.ts')
    exports[subpath] = INSTEAD[subpath] ?? source
  }
  const imports: Record<string, string> = {}
  const put = (name: string, version: string | undefined): void => {
    imports[name] = `npm:${name}@${version}`
    if (BY_SUBPATH.has(name)) imports[`${name}/`] = `npm:/${name}@${version}/`
  }
  for (const [name, version] of Object.entries(manifest.dependencies)) put(name, version)
  // What npm's package has bundled, and what a user may do without: the version that is tested.
  for (const name of new Set([...BUNDLED, ...Object.keys(manifest.peerDependencies)]))
    put(name, manifest.devDependencies[name])
  const folders = manifest.files.filter((folder) => folder.startsWith('dist/') && !NOT_ON_JSR.has(folder))
  const include = ['LICENSE', 'README.md', ...folders.map((folder) => `${folder.slice(5)}/**/*.ts`)]
  const publish = { include, exclude: EXCLUDED }
  const { version, license } = manifest
  const name = '@kedge/kedge'
  return `${JSON.stringify({ name, version, license, exports, imports, publish }, null, 2)}\n`
}

if (import.meta.main) {
  const expected = jsrOf(JSON.parse(readFileSync('package.json', 'utf8')) as Package)
  if (process.argv.includes('--write')) {
    writeFileSync(JSR, expected)
  } else if (JSON.stringify(JSON.parse(readFileSync(JSR, 'utf8'))) !== JSON.stringify(JSON.parse(expected))) {
    console.error(`${JSR} is not what package.json says: node tools/jsr.ts --write`)
    process.exitCode = 1
  }
}
