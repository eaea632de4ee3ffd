/** Real servers of Memcached, a connection to them, and a look at them by another way. @module */
import { Memcache } from 'memcache'
import {
  memcached,
  type MemcachedConnection,
  type MemcachedOptions,
} from '../../../../adapters/stores/memcached.ts'
import {
  type MemcachedServerOptions,
  startMemcached,
  type TestMemcached,
} from '../../../store-servers/memcached.ts'

export interface Way {
  readonly connection: MemcachedConnection
  /** Another client, with connections of its own. */
  readonly another: MemcachedConnection
  readonly servers: readonly TestMemcached[]
  /** The server that a key is on. */
  serverOf(key: string): TestMemcached
  /** The value as a client finds it that knows nothing of kedge. */
  get(key: string): Promise<Buffer | undefined>
  wipe(): Promise<void>
  /** One more connection with clients of its own. */
  connect(options?: MemcachedOptions): MemcachedConnection
  stop(): Promise<void>
}

export async function openWay(
  count: number,
  server: MemcachedServerOptions = {},
  options: MemcachedOptions = {},
): Promise<Way> {
  const servers = await Promise.all(Array.from({ length: count }, () => startMemcached(server)))
  const nodes = servers.map(({ host, port }) => `${host}:${port}`)
  const clients: Memcache[] = []
  const client = () => {
    const made = new Memcache({ nodes })
    clients.push(made)
    return made
  }
  const ring = client()
  const serverOf = (key: string) => {
    const [node] = ring.hash.getNodesByKey(key)
    return servers.find(({ port }) => port === node?.port)!
  }
  return {
    connection: memcached(client(), options),
    another: memcached(client(), options),
    servers,
    serverOf,
    get: (key) => serverOf(key).get(key),
    wipe: async () => void (await Promise.all(servers.map((each) => each.wipe()))),
    connect: (more = options) => memcached(client(), more),
    async stop() {
      await Promise.all(clients.map((each) => each.disconnect()))
      await Promise.all(servers.map((each) => each.stop()))
    },
  }
}
