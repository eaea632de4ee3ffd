/** A program as one module, with the sources of this package in place of the package. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const ROOT = new URL('../../../', import.meta.url)
const { exports } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as {
  exports: Record<string, string | { readonly default: string }>
}

/** `kedge/worker` → `worker/index.ts` */
function sourceOf(path: string): string {
  const target = exports[`.${path.slice('kedge'.length)}`]
  if (typeof target !== 'object') throw new Error(`there is no ${path}`)
  return fileURLToPath(new URL(target.default.replace('./dist/', '').replace(/\.js$/, '.ts'), ROOT))
}

export async function bundled(entry: URL): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(entry)],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    platform: 'node',
    // Packages that are not modules ask for those of Node by `require`.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)",
    },
    logLevel: 'silent',
    plugins: [
      {
        name: 'sources',
        setup: (builder) =>
          builder.onResolve({ filter: /^kedge(\/|$)/ }, ({ path }) => ({ path: sourceOf(path) })),
      },
    ],
  })
  const [output] = outputFiles
  if (output === undefined) throw new Error('the bundler wrote nothing')
  return output.text
}
