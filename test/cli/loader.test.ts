/** `kedge loader`: as a command in this process, and as a process. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { gateway as gatewayLog } from '../../adapters/kafka/gateway.ts'
import { startGateway } from '../../services/gateway/index.ts'
import { createCache } from '../../src/index.ts'
import { viaLoader } from '../../src/loader-client/index.ts'
import { kedge } from './harness.ts'
import { startService, until } from './service-process.ts'

const LOADERS = `export default {
  users: async (ids) => new Map(ids.filter((id) => id !== 'x').map((id) => [id, { name: 'user ' + id }])),
}`

/** A gateway with the three topics. */
async function gateway() {
  const topics = { 'cache-evictions': 1, 'cache-updates': 2, 'cache-requests': 2 }
  const running = await startGateway({ memory: { topics } })
  onTestFinished(() => running.close())
  return running.url
}

const start = (url: string, args: readonly string[] = []) =>
  startService('loader', LOADERS, ['--url', url, '--listen', '0', ...args], 'answers for users')

describe('the process of a loader', () => {
  it('answers isolates over HTTP, serves its health and lag, and drains on SIGTERM', async () => {
    const url = await gateway()
    const { child, ended, listening } = await start(url)
    await until(
      () => fetch(`${listening}/readyz`),
      ({ status }) => status === 200,
    )
    expect((await fetch(`${listening}/healthz`)).status).toBe(200)
    expect((await fetch(`${listening}/nothing`)).status).toBe(404)
    expect((await fetch(`${listening}/lag`, { method: 'POST' })).status).toBe(405)

    const kafka = gatewayLog({ url })
    const cache = createCache({ kafka, updatePartitions: 2, requestPartitions: 2 })
    onTestFinished(() => cache.close())
    const users = cache.namespace<{ name: string }>('users')
    const own = viaLoader(() => expect.fail('the isolate loaded by itself'), { wait: '20s' })
    const keys = ['1', '2', '3', '4', 'x']
    const found = await users.getOrSetMany(keys, own)
    expect(found.get('3')).toEqual({ name: 'user 3' })
    expect([...found.keys()]).toEqual(['1', '2', '3', '4'])
    expect(cache.stats()).toMatchObject({ answered: 5, loads: 0 })

    const lag = (await (await fetch(`${listening}/lag`)).json()) as Record<string, unknown>
    expect(lag).toMatchObject({ records: 0, queued: 0, stats: { values: 4, none: 1 } })
    const metrics = await (await fetch(`${listening}/metrics`)).text()
    expect(metrics).toContain('kedge_loader_values_total{topic="cache-requests"} 4\n')
    expect(metrics).toContain('kedge_loader_ready{topic="cache-requests"} 1\n')
    child.kill('SIGTERM')
    const { code, out, err } = await ended
    expect([code, err]).toEqual([0, ''])
    expect(out).toContain('published 4 values and 1 absences; 0 keys failed')
  })

  it('is not ready, and says why, while the proxy is away', async () => {
    const { child, ended, listening } = await start('http://127.0.0.1:9', [
      '--update-partitions',
      '1',
      '--eviction-partitions',
      '1',
    ])
    const answer = await until(
      async () => (await fetch(`${listening}/readyz`)).json() as Promise<{ problem: string }>,
      ({ problem }) => problem !== 'the topics have not been reached yet',
    )
    expect(answer).toMatchObject({ ready: false })
    expect((await fetch(`${listening}/lag`)).status).toBe(503)
    child.kill('SIGTERM')
    const { code, err } = await ended
    expect(code).toBe(0)
    expect(err.match(/trying again/g)).toHaveLength(1)
  })
})

describe('kedge loader refuses', () => {
  it.each([
    ['no module', [], '', /--module/],
    ['a module that is not there', ['--module', 'none.mjs'], '', /none\.mjs cannot be loaded/],
    ['a module without loaders', ['--module', 'loaders.mjs'], 'export const users = 1', /default export/],
    ['loaders that are none', ['--module', 'loaders.mjs'], 'export default { users: 7 }', /`loaders\.users`/],
    ['a share that is none', ['--module', 'loaders.mjs', '--share', '4/3'], LOADERS, /`share`/],
    ['a place that is none', ['--module', 'loaders.mjs', '--listen', 'here'], LOADERS, /--listen/],
    ['a wrong option', ['--module', 'loaders.mjs', '--max-queue', '0'], LOADERS, /--max-queue/],
  ])('%s', async (_, args, text, message) => {
    const counts = ['--update-partitions', '1', '--eviction-partitions', '1', '--flavor', 'gateway']
    const { code, err } = await kedge(['loader', ...counts, ...args], { files: { 'loaders.mjs': text } })
    expect(err).toMatch(message)
    expect(code).toBe(2)
  })
})
