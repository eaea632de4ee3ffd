/**
 * Makes `dist/` what is published. Runs as `prepack`, after `npm run build`, which leaves the declarations there.
 *
 * - Each subpath and the command are bundled, with code in common in `dist/chunks`, so that a class exists once.
 *   `zod`, `quick-lru` and the optional peers stay imports. Numbers that have a name within their file stand where they
 *   are used (decision 140).
 * - What is in {@link BUNDLED} goes into it. The brokers' client, the one of Prometheus and the server of WebSockets, which call
 *   `require`, become one file each: `dist/vendor/kafka.js`, `dist/vendor/prom-client.js`, `dist/vendor/ws.js`.
 * - The live page is built, and becomes a file of its own: `dist/vendor/live-page.js`.
 * - Removes declarations that no subpath imports.
 * - The licences of what is bundled stand in `dist/THIRD-PARTY-NOTICES.txt`.
 * - What the package consists of stands in `dist/sbom.cdx.json` (CycloneDX).
 * - `wrangler.toml` goes to `dist/worker`, for a project that has the package in its `node_modules`.
 *
 * @module
 */
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { build, transform } from 'esbuild'
import type { BuildOptions, Metafile, Plugin } from 'esbuild'
import { buildPage } from '../cli/ui/page-build.ts'
import { BUNDLED } from './bundled.ts'
import { noticesOf } from './notices.ts'
import { sbomOf } from './sbom.ts'

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
  readonly bin: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
}

const DIST = 'dist'
const KAFKA = '@platformatic/kafka'
const PROM_CLIENT = 'prom-client'
const WS = 'ws'
const LIVE_PAGE = './page-build.ts'
/** What becomes a file of its own. A mark stands for it until it is known from where it is imported. */
const VENDORED: Readonly<Record<string, { readonly mark: string; readonly file: string }>> = {
  [KAFKA]: { mark: 'kedge-vendor:kafka', file: `${DIST}/vendor/kafka.js` },
  [PROM_CLIENT]: { mark: 'kedge-vendor:prom-client', file: `${DIST}/vendor/prom-client.js` },
  [WS]: { mark: 'kedge-vendor:ws', file: `${DIST}/vendor/ws.js` },
  [LIVE_PAGE]: { mark: 'kedge-vendor:live-page', file: `${DIST}/vendor/live-page.js` },
}
const NODE_20 = 'node20'
/** Of what runs everywhere. */
const ES = 'es2022'

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest
const subpaths = Object.values(manifest.exports).filter((target) => typeof target !== 'string')
const programs = Object.values(manifest.bin)

for (const file of globSync(`${DIST}/**/*.js`)) rmSync(file)
const metafiles = [
  await bundleKafka(),
  await bundlePromClient(),
  await vendored(WS, ['WebSocketServer'], {}),
  await bundlePage(),
  await bundleAll(),
]
const keep = reachable(subpaths.map(({ types }) => posix.normalize(types)))
for (const file of globSync(`${DIST}/**/*.d.ts`)) if (!keep.has(file.replaceAll('\\', '/'))) rmSync(file)
writeFileSync(`${DIST}/THIRD-PARTY-NOTICES.txt`, noticesOf(metafiles))
writeFileSync(`${DIST}/sbom.cdx.json`, sbomOf(metafiles))
writeFileSync(`${DIST}/worker/wrangler.toml`, wranglerConfig())
// What the compiler remembers is gone: the next build makes all of it again.
for (const file of globSync(`${DIST}/.tsbuildinfo*`)) rmSync(file)

/** Only those of its exports that are used, and what they need. */
async function bundleKafka(): Promise<Metafile> {
  const names = new Set<string>()
  for (const file of globSync('services/gateway/**/*.ts').toSorted()) {
    const imports = readFileSync(file, 'utf8').matchAll(/^import \{([^}]*)\} from '@platformatic\/kafka'$/gm)
    for (const [, list] of imports)
      for (const name of list!.split(',').map((each) => each.trim()))
        if (name !== '' && !name.startsWith('type ')) names.add(name)
  }
  return vendored(KAFKA, names, {
    // Node 20 has no `Promise.withResolvers`, and a library must not add to what is global.
    define: { 'Promise.withResolvers': 'withResolvers' },
    inject: ['tools/with-resolvers.js'],
    // This one holds its WebAssembly; the other reads a file beside itself.
    alias: { '@platformatic/wasm-utils': './node_modules/@platformatic/wasm-utils/dist/bundled.js' },
    plugins: [pure(KAFKA)],
  })
}

function bundlePromClient(): Promise<Metafile> {
  const names = ['Counter', 'Gauge', 'Histogram', 'Registry', 'collectDefaultMetrics', 'register']
  return vendored(PROM_CLIENT, names, {})
}

/** What builds the page in a clone is not shipped: in its place stands what it has built. */
async function bundlePage(): Promise<Metafile> {
  const { script, style, metafile } = await buildPage()
  const parts = JSON.stringify({ script, style })
  writeFileSync(
    VENDORED[LIVE_PAGE]!.file,
    `const parts = ${parts}\nexport const pageParts = async () => parts\n`,
  )
  return metafile
}

/** One file of the named exports of a package, and of what they need. */
async function vendored(
  name: string,
  names: Iterable<string>,
  more: Pick<BuildOptions, 'alias' | 'define' | 'inject' | 'plugins'>,
): Promise<Metafile> {
  const { metafile } = await build({
    ...more,
    stdin: { contents: `export { ${[...names].toSorted().join(', ')} } from '${name}'`, resolveDir: '.' },
    outfile: VENDORED[name]!.file,
    bundle: true,
    metafile: true,
    format: 'esm',
    platform: 'node',
    target: NODE_20,
    // Else paths of this machine would stand in it.
    preserveSymlinks: true,
    minifyWhitespace: true,
    minifySyntax: true,
    minifyIdentifiers: true,
    // The errors and streams of Kafka's go by the names of their classes.
    keepNames: true,
    legalComments: 'none',
    // CommonJS parts call `require` for modules of Node.
    banner: {
      js: "import{createRequire as kedgeRequire}from'node:module';const require=kedgeRequire(import.meta.url);",
    },
    logLevel: 'warning',
  })
  return metafile
}

/**
 * Writes a constant number of a module where it is used. Bundlers do so by themselves only where it stands before all else,
 * imports included; each that stays costs every user its declaration.
 */
function numbers(): Plugin {
  return {
    name: 'numbers',
    setup(builder) {
      builder.onLoad({ filter: /[/\\](?:src|adapters|worker)[/\\].*\.ts$/ }, async ({ path }) => {
        const define: Record<string, string> = {}
        const rest = readFileSync(path, 'utf8').replaceAll(
          /^const ([A-Z][A-Z\d_]*) = (-?[\d_.]+)$/gm,
          (_, name: string, value: string) => {
            define[name] = value.replaceAll('_', '')
            return ''
          },
        )
        const { code } = await transform(rest, { define, loader: 'ts', target: ES, sourcefile: path })
        return { contents: code, loader: 'js' }
      })
    },
  }
}

/** Modules of the package do nothing when they are loaded, so that those whose exports are not used may be left out. */
function pure(name: string): Plugin {
  return {
    name: 'pure',
    setup(builder) {
      builder.onResolve({ filter: /./ }, async (asked) => {
        if (asked.pluginData === pure || !(asked.path === name || asked.importer.includes(`/${name}/`)))
          return undefined
        const { kind, importer, resolveDir } = asked
        const found = await builder.resolve(asked.path, { kind, importer, resolveDir, pluginData: pure })
        return found.path.includes(`/${name}/`) ? { ...found, sideEffects: false } : found
      })
    },
  }
}

async function bundleAll(): Promise<Metafile> {
  const entries = [...subpaths.map((target) => target.default), ...programs].map((path) => {
    const name = posix.normalize(path).slice(DIST.length + 1, -'.js'.length)
    return { in: `${name}.ts`, out: name }
  })
  const installed = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)]
  const { outputFiles, metafile } = await build({
    entryPoints: entries,
    outdir: DIST,
    bundle: true,
    splitting: true,
    chunkNames: 'chunks/[hash]',
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'neutral',
    target: ES,
    mainFields: ['module', 'main'],
    conditions: ['import'],
    preserveSymlinks: true,
    legalComments: 'none',
    external: ['node:*', 'cloudflare:*', ...installed.filter((name) => !BUNDLED.includes(name))],
    plugins: [
      numbers(),
      {
        name: 'vendored',
        setup: (builder) =>
          builder.onResolve(
            { filter: /^(?:@platformatic\/kafka|prom-client|ws|\.\/page-build\.ts)$/ },
            ({ path }) => ({
              path: VENDORED[path]!.mark,
              external: true,
              sideEffects: false,
            }),
          ),
      },
    ],
    logLevel: 'warning',
  })
  for (const { path, text } of outputFiles) {
    const folder = dirname(path)
    mkdirSync(folder, { recursive: true })
    const linked = Object.values(VENDORED).reduce((before, { mark, file }) => {
      const from = folder.replaceAll('\\', '/')
      const to = posix.relative(from, join(process.cwd(), file).replaceAll('\\', '/'))
      return before.replaceAll(mark, to.startsWith('.') ? to : `./${to}`)
    }, text)
    writeFileSync(path, linked)
  }
  return metafile
}

/** The declarations, and all that they import of this package. */
function reachable(files: readonly string[]): ReadonlySet<string> {
  const found = new Set(files)
  for (const file of found)
    for (const [, path] of readFileSync(file, 'utf8').matchAll(/(?:from|import\()\s*['"](\.[^'"]+)['"]/g))
      found.add(posix.join(posix.dirname(file), path!).replace(/(?:\.d)?\.[jt]s$/, '.d.ts'))
  return found
}

function wranglerConfig(): string {
  const text = readFileSync('wrangler.toml', 'utf8')
  const main = 'main = "worker/cloudflare.ts"'
  if (!text.includes(main)) throw new Error(`wrangler.toml has no ${main}`)
  // The one that pushes, too, of which a comment speaks.
  return text.replaceAll(
    /main = "worker\/(cloudflare(?:-otlp)?)\.ts"/g,
    'main = "node_modules/kedge/dist/worker/$1.js"',
  )
}
