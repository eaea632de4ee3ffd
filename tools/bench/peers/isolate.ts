/**
 * One worker in workerd, with what Node has where it asks for it.
 *
 * @module
 */
import { isBuiltin } from 'node:module'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Plugin } from 'esbuild'
import { Miniflare } from 'miniflare'

const HOST = '127.0.0.1'
/** From workerd's own words for it. */
const HUNG = 'code had hung and would never generate a response'
const COMPATIBILITY_DATE = '2026-06-01'

export interface IsolateOptions {
  readonly worker: URL
  readonly bindings: Readonly<Record<string, string>>
  /** Whether `nodejs_compat` is switched on, and modules of Node may be imported. */
  readonly node: boolean
}

export interface Isolate {
  /** Without a slash at the end. */
  readonly url: string
  /** Whether workerd has said that a request hung, which it then answers with 500 itself. */
  hung(): boolean
  close(): Promise<void>
}

/** @throws Error when the worker cannot be bundled, or workerd refuses it. */
export async function startIsolate({ worker, bindings, node }: IsolateOptions): Promise<Isolate> {
  const contents = await bundled(worker, node)
  let hung = false
  const hear = (said: Buffer): void => {
    if (said.includes(HUNG)) hung = true
  }
  const miniflare = new Miniflare({
    modules: [{ type: 'ESModule', path: 'worker.js', contents }],
    bindings,
    compatibilityDate: COMPATIBILITY_DATE,
    compatibilityFlags: node ? ['nodejs_compat'] : [],
    host: HOST,
    port: 0,
    cf: false,
    // Miniflare's own worker, which stands before those of its users, does not pass on that a client hung up.
    unsafeDirectSockets: [{ host: HOST, port: 0 }],
    handleRuntimeStdio: (stdout: Readable, stderr: Readable) => {
      for (const each of [stdout, stderr]) each.on('data', hear)
    },
  })
  try {
    await miniflare.ready
    const { origin } = await miniflare.unsafeGetDirectURL()
    return { url: origin, hung: () => hung, close: () => miniflare.dispose() }
  } catch (error) {
    await miniflare.dispose()
    throw error
  }
}

async function bundled(entry: URL, node: boolean): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(entry)],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['workerd', 'worker', 'browser'],
    logLevel: 'silent',
    plugins: node ? [nodeModules] : [],
  })
  const [output] = outputFiles
  if (output === undefined) throw new Error('the bundler wrote nothing')
  return output.text
}

/** Modules of Node by their full names, whether they are imported or required. */
const nodeModules: Plugin = {
  name: 'node-modules',
  setup(builder) {
    const required = 'required-of-node'
    builder.onResolve({ filter: /.*/ }, ({ path, kind, namespace }) => {
      if (!isBuiltin(path)) return undefined
      const name = path.startsWith('node:') ? path : `node:${path}`
      if (kind === 'require-call' && namespace !== required) return { path: name, namespace: required }
      return { path: name, external: true }
    })
    builder.onLoad({ filter: /.*/, namespace: required }, ({ path }) => ({
      contents: `import all from '${path}'\nmodule.exports = all`,
      loader: 'js',
    }))
  },
}
