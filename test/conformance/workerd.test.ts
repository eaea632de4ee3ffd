import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { Miniflare } from 'miniflare'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningGateway, startGateway } from '../../gateway/index.ts'
import { logSuite } from '../../src/testing/log-suite.ts'
import { miniExpect } from './mini-expect.ts'
import { SUITES } from './suites.ts'

let gateway: RunningGateway
let workerd: Miniflare

beforeAll(async () => {
  gateway = await startGateway({ memory: { autoCreate: false } })
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('worker.ts', import.meta.url))],
    bundle: true,
    format: 'esm',
    // Nothing of Node: no polyfills, no `nodejs_compat`.
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['workerd', 'import'],
    write: false,
  })
  workerd = new Miniflare({
    modules: true,
    script: outputFiles[0]?.text ?? '',
    compatibilityDate: '2026-08-01',
    bindings: { URL: gateway.url },
    serviceBindings: {
      SERVER: (request: { readonly url: string }) => new Response(serve(new URL(request.url))) as never,
    },
  })
  await workerd.ready
})

afterAll(async () => {
  await workerd?.dispose()
  await gateway?.close()
})

let topics = 0

/** What the suite asks of the server behind the log. */
function serve({ pathname, searchParams }: URL): string {
  const number = (name: string) => Number(searchParams.get(name))
  const topic = searchParams.get('topic') ?? `topic-${topics++}`
  if (pathname === '/topic') gateway.log.createTopic(topic, { partitions: number('partitions') })
  if (pathname === '/recreate') gateway.log.recreateTopic(topic)
  if (pathname === '/truncate') gateway.log.truncate(topic, number('partition'), number('offset'))
  return topic
}

for (const [suite, options] of Object.entries(SUITES)) {
  // Here the suite only tells which tests there are: each of them runs in the isolate.
  logSuite({
    ...options,
    name: `In workerd, ${options.name}`,
    create: () => {
      throw new Error('not here')
    },
    describe,
    it: (name) =>
      it(name, async () => {
        const query = new URLSearchParams({ suite, test: name })
        const response = await workerd.dispatchFetch(`http://worker/?${query.toString()}`)
        expect(await response.text()).toBe('passed')
      }),
    expect: miniExpect,
  })
}
