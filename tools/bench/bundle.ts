/**
 * How many bytes the core adds to a user's bundle.
 *
 * @module
 */
import { gzipSync } from 'node:zlib'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** Sizes with all that is exported, bundled and minified. */
export interface BundleSizes {
  readonly core: Size
  /** With the log that a Worker has. */
  readonly withGateway: Size
}

export interface Size {
  readonly minified: number
  readonly gzip: number
}

const CORE = 'src/index.ts'
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export async function bundleSizes(): Promise<BundleSizes> {
  return { core: await sizeOf(CORE), withGateway: await sizeOf(CORE, 'adapters/kafka/gateway.ts') }
}

async function sizeOf(...files: string[]): Promise<Size> {
  const contents = files.map((file) => `export * from './${file}'\n`).join('')
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    stdin: { contents, resolveDir: ROOT },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2023',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['workerd', 'worker', 'browser', 'import'],
    write: false,
    logLevel: 'silent',
  })
  const { contents: bytes } = outputFiles[0]!
  return { minified: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length }
}
