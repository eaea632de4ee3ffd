/**
 * How many bytes the core adds to a user's bundle.
 *
 * @module
 */
import { gzipSync } from 'node:zlib'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** Sizes of `src/index.ts`, bundled and minified with all its exports. */
export interface BundleSizes {
  /** zod left out: it is most likely there already. */
  readonly core: Size
  readonly withZod: Size
}

export interface Size {
  readonly minified: number
  readonly gzip: number
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export async function bundleSizes(): Promise<BundleSizes> {
  return { core: await sizeOf(['zod']), withZod: await sizeOf([]) }
}

async function sizeOf(external: string[]): Promise<Size> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['src/index.ts'],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2023',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['workerd', 'worker', 'browser', 'import'],
    external,
    write: false,
    logLevel: 'silent',
  })
  const { contents } = outputFiles[0]!
  return { minified: contents.length, gzip: gzipSync(contents, { level: 9 }).length }
}
