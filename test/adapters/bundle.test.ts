/** What programs ship with an adapter: zod is for those who write schemas (decision 115). */
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { ADAPTERS } from '../../adapters/manifest.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** The files of zod that a bundle has anything of. */
async function zodIn(entry: string): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['workerd', 'worker', 'browser'],
    external: ['node:*', 'undici', '@upstash/kafka', '@msgpack/msgpack', '@epic-web/cachified'],
    logLevel: 'silent',
  })
  return Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) =>
      path.includes('node_modules/zod/') && bytesInOutput > 0 ? [path] : [],
    ),
  )
}

describe('a bundle has nothing of zod', () => {
  it.each(ADAPTERS.map(({ name, source }) => [name, source]))('with the adapter %s', async (_, source) => {
    expect(await zodIn(source)).toEqual([])
  })

  it('with the core, the gateway and the middleware', async () => {
    expect(await zodIn('tools/bench/cold-start/middleware.ts')).toEqual([])
  })

  it('unless it checks by schemas', async () => {
    expect(await zodIn('worker/library.ts')).not.toEqual([])
  })
})
