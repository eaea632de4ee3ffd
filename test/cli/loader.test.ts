/** `kedge loader`: as a command in this process, and as a process. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { confluent } from '../../adapters/confluent.ts'
import { startGateway } from '../../gateway/index.ts'
import { createCache } from '../../src/index.ts'
import { kedge } from './harness.ts'

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))
const LOADERS = `export default {
  users: async (ids) => new Map(ids.filter((id) => id !== 'x').map((id) => [id, { name: 'user ' + id }])),
}`

async function folderWith(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kedge-loader-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'loaders.mjs'), text)
  return folder
}

/** A gateway with the three topics. */
async function gateway() {
  const topics = { 'cache-evictions': 1, 'cache-updates': 2, 'cache-requests': 2 }
  const running = await startGateway({ memory: { topics } })
  onTestFinished(() => running.close())
  return running.url
}

async function start(url: string, args: readonly string[] = []) {
  const folder = await folderWith(LOADERS)
  const child = spawn(
    process.execPath,
    [MAIN, 'loader', '--module', 'loaders.mjs', '--url', url, '--listen', '0', ...args],
    { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH } },
  )
  onTestFinished(() => void child.kill('SIGKILL'))
  let out = ''
  let err = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, out, err })),
  )
  const listening = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
      const found = /listening on (http:\S+)[\s\S]*answers for users/.exec(out)
      if (found) resolve(found[1]!)
    })
    void ended.then((result) => reject(new Error(JSON.stringify(result))))
  })
  return { child, ended, listening }
}

/** Asks until it is so: a process starts when it starts. */
async function until<T>(look: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await look()
    if (holds(value)) return value
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('the process of a loader', () => {
  it('answers isolates over HTTP, tells its health and lag, and drains on SIGTERM', async () => {
    const url = await gateway()
    const { child, ended, listening } = await start(url)
    await until(
      () => fetch(`${listening}/readyz`),
      ({ status }) => status === 200,
    )
    expect((await fetch(`${listening}/healthz`)).status).toBe(200)
    expect((await fetch(`${listening}/nothing`)).status).toBe(404)
    expect((await fetch(`${listening}/lag`, { method: 'POST' })).status).toBe(405)

    const kafka = confluent({ url, gateway: true })
    const cache = createCache({ kafka, updatePartitions: 2, requestPartitions: 2 })
    onTestFinished(() => cache.close())
    const users = cache.namespace<{ name: string }>('users', { via: 'loader', loaderWait: '20s' })
    const own = () => expect.fail('the isolate loaded by itself')
    const keys = ['1', '2', '3', '4', 'x']
    const found = await users.getOrSetMany(keys, own)
    expect(found.get('3')).toEqual({ name: 'user 3' })
    expect([...found.keys()]).toEqual(['1', '2', '3', '4'])
    expect(cache.stats()).toMatchObject({ answered: 5, loads: 0 })

    const lag = (await (await fetch(`${listening}/lag`)).json()) as Record<string, unknown>
    expect(lag).toMatchObject({ records: 0, queued: 0, stats: { values: 4, none: 1 } })
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
