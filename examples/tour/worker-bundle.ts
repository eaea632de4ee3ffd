/**
 * The worker as one module, the way a deployment bundles it.
 *
 * @module
 */
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const WORKER = new URL('../../worker/cloudflare.ts', import.meta.url)

/** The text of the ES module. Without Node's modules: the worker must run without `nodejs_compat`. */
export async function bundleWorker(entry: URL = WORKER): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(entry)],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*'],
    logLevel: 'silent',
  })
  const [bundle] = outputFiles
  if (bundle === undefined) throw new Error('the bundler wrote nothing')
  return bundle.text
}
