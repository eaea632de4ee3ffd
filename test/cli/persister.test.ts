/** `kedge persister`: as a command in this process, and as a process. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { gateway as gatewayLog } from '../../adapters/kafka/gateway.ts'
import { startGateway } from '../../services/gateway/index.ts'
import { createCache } from '../../src/index.ts'
import { kedge } from './harness.ts'
import { startService, until } from './service-process.ts'
import { writeBehind, writeIntents } from '../../src/write-paths/index.ts'

/** Writes to a file, a line for each write. `slow` takes half a second; `no` is refused for ever. */
const STORES = `import { appendFile } from 'node:fs/promises'
export const options = { backoff: 1 }
export default {
  orders: async (writes) => {
    if (writes.some(({ key }) => key === 'no')) throw new Error('no such order')
    await appendFile('called', 'x')
    if (writes.some(({ key }) => key === 'slow')) await new Promise((resolve) => setTimeout(resolve, 500))
    for (const { key, value } of writes) await appendFile('rows', key + '=' + value + '\\n')
  },
}`

async function gateway() {
  const topics = { 'cache-evictions': 1, 'cache-writes': 2, 'cache-writes-dead': 1 }
  const running = await startGateway({ memory: { topics } })
  onTestFinished(() => running.close())
  return running
}

function writer(url: string) {
  const cache = createCache({ kafka: gatewayLog({ url }), writePartitions: 2, use: [writeIntents()] })
  onTestFinished(() => cache.close())
  return cache.namespace<number>('orders')
}

const start = (url: string, args: readonly string[] = []) =>
  startService(
    'persister',
    STORES,
    ['--url', url, '--listen', '0', ...args],
    'writes orders from cache-writes',
  )

/** What stands in a file, or nothing. */
const text = (folder: string, name: string) => readFile(join(folder, name), 'utf8').catch(() => '')

describe('the process of a persister', () => {
  it('has its store take what is written, and serves its health, lag and figures over HTTP', async () => {
    const { url } = await gateway()
    const { child, folder, ended, listening } = await start(url)
    await until(
      () => fetch(`${listening}/readyz`),
      ({ status }) => status === 200,
    )
    expect((await fetch(`${listening}/healthz`)).status).toBe(200)
    const orders = writer(url)
    for (const [key, value] of [
      ['1', 10],
      ['2', 20],
      ['1', 11],
    ] as const)
      await writeBehind(orders, key, value)
    const lines = (
      await until(
        () => text(folder, 'rows'),
        (rows) => rows.split('\n').length === 4,
      )
    ).split('\n')
    expect(lines.filter((line) => line.startsWith('1='))).toEqual(['1=10', '1=11'])
    expect(lines).toContain('2=20')
    // The position moves after the write is persisted.
    const lag = await until(
      async () => (await (await fetch(`${listening}/lag`)).json()) as { records: number },
      ({ records }) => records === 0,
    )
    expect(lag).toMatchObject({ seconds: 0, stats: { persisted: 3, dead: 0, storeFailures: 0 } })
    const metrics = await (await fetch(`${listening}/metrics`)).text()
    expect(metrics).toContain('kedge_persister_persisted_total{topic="cache-writes"} 3\n')
    expect(metrics).toContain('kedge_persister_lag_records{topic="cache-writes"} 0\n')
    child.kill('SIGTERM')
    const { code, out, err } = await ended
    expect([code, err]).toEqual([0, ''])
    expect(out).toContain('persisted 3 writes; 0 went to the dead letters')
  })

  it('ends by SIGTERM only when the batch in hand is written and its position is kept', async () => {
    const { url } = await gateway()
    const first = await start(url)
    const orders = writer(url)
    await writeBehind(orders, 'slow', 1)
    await until(
      () => text(first.folder, 'called'),
      (called) => called === 'x',
    )
    first.child.kill('SIGTERM')
    expect(await first.ended).toMatchObject({ code: 0, err: '' })
    expect(await text(first.folder, 'rows')).toBe('slow=1\n')
    const second = await start(url)
    await writeBehind(orders, '1', 2)
    await until(
      () => text(second.folder, 'rows'),
      (rows) => rows !== '',
    )
    expect(await text(second.folder, 'rows')).toBe('1=2\n')
    second.child.kill('SIGTERM')
    expect((await second.ended).code).toBe(0)
  })

  it('is not ready while its store refuses, says so once, and then says what went to the dead letters', async () => {
    const { url, log } = await gateway()
    const { child, ended, listening } = await start(url, ['--retries', '8'])
    const orders = writer(url)
    await writeBehind(orders, 'no', 1)
    const refused = await until(
      async () => (await fetch(`${listening}/readyz`)).json() as Promise<{ problem?: string }>,
      ({ problem }) => problem !== undefined && !problem.includes('not been reached'),
    )
    expect(refused).toEqual({ ready: false, problem: 'the store of orders fails: no such order' })
    await until(
      async () => log.offsets('cache-writes-dead', 0)?.end,
      (end) => end === 1,
    )
    await writeBehind(orders, '1', 2)
    await until(
      () => fetch(`${listening}/readyz`),
      ({ status }) => status === 200,
    )
    child.kill('SIGTERM')
    const { code, out, err } = await ended
    expect(code).toBe(0)
    expect(out).toContain('persisted 1 writes; 1 went to the dead letters')
    expect(err.match(/the store of orders failed: no such order/g)).toHaveLength(1)
    expect(err).toMatch(/[01]@0 of orders went to the dead letters: Error: no such order/)
  })

  it('is not ready, and says why, while the proxy is away', async () => {
    const { child, ended, listening } = await start('http://127.0.0.1:9', ['--eviction-partitions', '1'])
    const answer = await until(
      async () => (await fetch(`${listening}/readyz`)).json() as Promise<{ problem: string }>,
      ({ problem }) => problem !== 'the topic of writes has not been reached yet',
    )
    expect(answer).toMatchObject({ ready: false })
    expect((await fetch(`${listening}/lag`)).status).toBe(503)
    // The metrics leave out the lag: the persister cannot know it while Kafka is away.
    const metrics = await (await fetch(`${listening}/metrics`)).text()
    expect(metrics).toMatch(/^kedge_persister_ready\{.*\} 0$/m)
    expect(metrics).not.toMatch(/^(kedge_persister_lag_records|kafka_consumer_lag)\{/m)
    child.kill('SIGTERM')
    const { code, err } = await ended
    expect(code).toBe(0)
    expect(err.match(/trying again/g)).toHaveLength(1)
  })
})

describe('kedge persister refuses', () => {
  it.each([
    ['no module', [], '', /--module is missing: give the module of the stores/],
    ['a module that is not there', ['--module', 'none.mjs'], '', /none\.mjs cannot be loaded/],
    [
      'a module without stores',
      ['--module', 'stores.mjs'],
      'export const a = 1',
      /default export.*stores by namespace/,
    ],
    ['stores that are none', ['--module', 'stores.mjs'], 'export default { orders: 7 }', /`stores\.orders`/],
    ['partitions that are none', ['--module', 'stores.mjs', '--partitions', 'x'], STORES, /--partitions/],
    ['a place that is none', ['--module', 'stores.mjs', '--listen', 'here'], STORES, /--listen/],
    [
      'one topic for two things',
      ['--module', 'stores.mjs', '--dead-letters-topic', 'cache-writes'],
      STORES,
      /`topics\.deadLetters`/,
    ],
  ])('%s', async (_, args, module, message) => {
    const { code, err } = await kedge(['persister', '--eviction-partitions', '1', ...args], {
      files: { 'stores.mjs': module },
    })
    expect(err).toMatch(message)
    expect(code).toBe(2)
  })
})
