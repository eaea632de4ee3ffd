/** Every command that serves metrics, as processes beside each other: over the log in memory of the gateway among them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startRedis } from '../../store-servers/redis.ts'
import type { RedisServer } from '../../store-servers/redis.ts'
import { spawned } from './spawned.ts'

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
  /** The store of `sync`, and the tier. */
  readonly redis: RedisServer
  stop(): Promise<void>
}

export interface ProcessesOptions {
  /** `host:port` of brokers with all topics, instead of the log in memory. */
  readonly brokers?: string
}

const LOADERS = 'export default { users: async (ids) => new Map(ids.map((id) => [id, { id }])) }'
const STORES = 'export default { orders: async () => undefined }'
const SECRET = Buffer.alloc(32, 7).toString('base64')
export const READ_TOKEN = 'a-token-that-no-metric-may-ever-show'

/**
 * The origin of `serve` fails for keys with `broken` in them.
 *
 * @param main the file of the command line
 */
export async function startProcesses(main: string, { brokers }: ProcessesOptions = {}): Promise<Processes> {
  const folder = await mkdtemp(join(tmpdir(), 'kedge-metrics-'))
  const ends: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
  const stop = async () => {
    for (const end of ends.splice(0).toReversed()) await end()
  }
  const start = async (args: readonly string[], places: readonly RegExp[]): Promise<string[]> => {
    const env = {
      KEDGE_SIGN_KEYS: `k1:${SECRET}`,
      KEDGE_SERVE_READ_TOKENS: READ_TOKEN,
      KEDGE_SERVE_WRITE_TOKENS: `${READ_TOKEN}-write`,
      KEDGE_SERVE_EVICT_TOKENS: `${READ_TOKEN}-evict`,
    }
    const { found, end } = await spawned([main, ...args], { places, env, cwd: folder })
    ends.push(end)
    return found
  }
  try {
    await writeFile(join(folder, 'loaders.mjs'), LOADERS)
    await writeFile(join(folder, 'stores.mjs'), STORES)
    const redis = await startRedis()
    ends.push(() => redis.stop())
    const [gateway, own] = (await start(
      [
        'gateway',
        '--port',
        '0',
        '--listen',
        '0',
        ...(brokers === undefined ? [] : ['--open', '--brokers', brokers]),
      ],
      [/listening on (http:\S+)/, /metrics on (http:\S+)/],
    )) as [string, string]
    const listen = ['--url', gateway, '--listen', '0']
    const to = ['--to', `redis://127.0.0.1:${redis.port}`]
    const source = createServer((request, response) => {
      response.statusCode = request.url!.includes('broken') ? 500 : 200
      response.setHeader('content-type', 'application/json').end('{"value":1}')
    })
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
    return { measured, serve: serve!, gateway, redis, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
