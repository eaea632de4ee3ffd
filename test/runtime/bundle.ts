/** A module with all that it imports as one ES module, as a platform without Node's modules gets it. */
import { readFile } from 'node:fs/promises'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Plugin } from 'esbuild'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** A change of the source on its way into the bundle: what a test takes out to see that it is missed. */
export interface Replacement {
  /** From the root of the repository: `src/read/flight.ts`. */
  readonly file: string
  /** Must stand in the file exactly once. */
  readonly from: string
  readonly to: string
}

export interface Bundle {
  readonly code: string
  /** What the bundle still imports. */
  readonly imports: readonly string[]
  /** The files that it is made of, from the root of the repository. */
  readonly files: readonly string[]
}

/**
 * Bundles `entry`. Nothing is external but what `external` names.
 * @throws Error when a replacement does not match, so that a source that was changed is noticed.
 */
export async function bundle(
  entry: URL,
  options: { readonly replacements?: readonly Replacement[]; readonly external?: string[] } = {},
): Promise<Bundle> {
  const { replacements = [], external = [] } = options
  const missing = new Set(replacements)
  const { outputFiles, metafile } = await build({
    entryPoints: [fileURLToPath(entry)],
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['workerd', 'worker', 'browser'],
    external,
    logLevel: 'silent',
    plugins: replacements.length > 0 ? [replacing(replacements, (done) => missing.delete(done))] : [],
  })
  for (const { file } of missing) throw new Error(`${file} is not part of the bundle`)
  const [output] = outputFiles
  if (output === undefined) throw new Error('the bundler wrote nothing')
  const imports = Object.values(metafile.outputs).flatMap((each) => each.imports.map(({ path }) => path))
  return { code: output.text, imports, files: Object.keys(metafile.inputs) }
}

function replacing(replacements: readonly Replacement[], onDone: (done: Replacement) => void): Plugin {
  return {
    name: 'replacing',
    setup: (builder) =>
      builder.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const file = relative(ROOT, path)
        const own = replacements.filter((each) => each.file === file)
        if (own.length === 0) return undefined
        let contents = await readFile(path, 'utf8')
        for (const each of own) {
          const parts = contents.split(each.from)
          if (parts.length !== 2) {
            throw new Error(`${file} has ${parts.length - 1} times what is to be replaced: ${each.from}`)
          }
          contents = parts.join(each.to)
          onDone(each)
        }
        return { contents, loader: 'ts' }
      }),
  }
}
