/** Every command that serves metrics, as processes beside each other: over the log in memory of the gateway among them. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startRedis } from '../../store-servers/redis.ts'

interface Measured {
  /** As the docs call it. */
  readonly name: 'gateway' | 'serve' | 'sync' | 'sync --tier' | 'loader' | 'persister'
  /** Of `--listen`, with its scheme. */
  readonly url: string
}

export interface Processes {
  readonly measured: readonly Measured[]
  /** Where the cache is served, and the gateway. */
  readonly serve: string
  readonly gateway: string
  stop(): Promise<void>
}

const LOADERS = 'export default { users: async (ids) => new Map(ids.map((id) => [id, { id }])) }'
const STORES = 'export default { orders: async () => undefined }'
const SECRET = Buffer.alloc(32, 7).toString('base64')
export const READ_TOKEN = 'a-token-that-no-metric-may-ever-show'

/** @param main the file of the command line */
export async function startProcesses(main: string): Promise<Processes> {
  const folder = await mkdtemp(join(tmpdir(), 'kedge-metrics-'))
  const ends: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
  const stop = async () => {
    for (const end of ends.splice(0).toReversed()) await end()
  }
  const start = async (args: readonly string[], places: readonly RegExp[]): Promise<string[]> => {
    const child = spawn(process.execPath, [main, ...args], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        NODE_PATH: process.env['NODE_PATH'],
        KEDGE_SIGN_KEYS: `k1:${SECRET}`,
        KEDGE_SERVE_READ_TOKENS: READ_TOKEN,
        KEDGE_SERVE_WRITE_TOKENS: `${READ_TOKEN}-write`,
      },
    })
    const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
    ends.push(() => (child.kill('SIGKILL'), ended))
    let said = ''
    return new Promise((resolve, reject) => {
      const take = (text: string) => {
        said += text
        const found = places.map((place) => place.exec(said)?.[1])
        if (found.every((each) => each !== undefined)) resolve(found)
      }
      child.stdout.setEncoding('utf8').on('data', take)
      child.stderr.setEncoding('utf8').on('data', take)
      void ended.then(() => reject(new Error(`kedge ${args[0]} has ended: ${said}`)))
    })
  }
  try {
    await writeFile(join(folder, 'loaders.mjs'), LOADERS)
    await writeFile(join(folder, 'stores.mjs'), STORES)
    const redis = await startRedis()
    ends.push(() => redis.stop())
    const [gateway, own] = (await start(
      ['gateway', '--port', '0', '--listen', '0'],
      [/listening on (http:\S+)/, /metrics on (http:\S+)/],
    )) as [string, string]
    const listen = ['--url', gateway, '--listen', '0']
    const to = ['--to', `redis://127.0.0.1:${redis.port}`]
    const source = createServer((_, response) =>
      response.setHeader('content-type', 'application/json').end('{"value":1}'),
    )
    await new Promise<void>((resolve) => source.listen(0, '127.0.0.1', resolve))
    ends.push(async () => (source.closeAllConnections(), source.close()))
    const { port } = source.address() as AddressInfo
    const origin = ['--origin', `http://127.0.0.1:${port}`, '--namespaces', 'users']
    const listening = [/listening on (http:\S+)/]
    const [[serve, health], ...others] = await Promise.all([
      start(
        ['serve', '--port', '0', ...listen, '--eviction-partitions', '1', ...origin],
        [/serve listening on (http:\S+)/, /health on (http:\S+)/],
      ),
      start(['sync', '--topic', 'orders', '--key', 'order:{key}', ...to, ...listen], listening),
      start(['sync', '--tier', ...to, ...listen], listening),
      start(['loader', '--module', 'loaders.mjs', ...listen], listening),
      start(['persister', '--module', 'stores.mjs', ...listen], listening),
    ])
    const names = ['sync', 'sync --tier', 'loader', 'persister'] as const
    const measured: Measured[] = [
      { name: 'gateway', url: own },
      { name: 'serve', url: health! },
      ...names.map((name, at) => ({ name, url: others[at]![0]! })),
    ]
    return { measured, serve: serve!, gateway, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
