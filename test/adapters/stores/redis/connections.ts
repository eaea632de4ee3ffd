/** Every way to a real Redis that there is, for tests that must hold on all of them. @module */
import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster } from 'redis'
import { ioredis, nodeRedis, type RedisConnection } from '../../../../adapters/stores/redis.ts'
import { upstashRedis } from '../../../../adapters/stores/upstash-redis.ts'
import { type RedisServer, startRedis, startRedisCluster } from '../../../store-servers/redis.ts'
import { startUpstashFront } from '../../../store-servers/upstash-front.ts'

export interface Way {
  readonly connection: RedisConnection
  /** The only one, or those of the cluster. */
  readonly servers: readonly RedisServer[]
  /** A command, as any client would send it. */
  raw(...args: readonly (string | Buffer)[]): Promise<unknown>
  wipe(): Promise<void>
  /** Lets so much time pass for what has a time to live, at once. */
  pass(ms: number): Promise<void>
  stop(): Promise<void>
}

export type WayName = 'ioredis' | 'node-redis' | 'ioredis, cluster' | 'node-redis, cluster' | 'Upstash REST'

export const WAYS: readonly WayName[] = [
  'ioredis',
  'node-redis',
  'ioredis, cluster',
  'node-redis, cluster',
  'Upstash REST',
]

export async function openWay(name: WayName, settings: Readonly<Record<string, string>> = {}): Promise<Way> {
  return name.endsWith('cluster') ? openCluster(name, settings) : openSingle(name, settings)
}

async function openSingle(name: WayName, settings: Readonly<Record<string, string>>): Promise<Way> {
  const server = await startRedis({ settings })
  const plain = new Redis({ port: server.port, host: server.host, retryStrategy: () => 50 })
  plain.on('error', () => undefined)
  const opened = await connectionTo(name, server)
  return {
    connection: opened.connection,
    servers: [server],
    raw: (command, ...args) => plain.callBuffer(String(command), args),
    wipe: () => server.wipe(),
    pass: (ms) => pass([server], ms),
    async stop() {
      plain.disconnect()
      await opened.close()
      await server.stop()
    },
  }
}

async function connectionTo(name: WayName, { host, port }: RedisServer) {
  if (name === 'Upstash REST') {
    const front = await startUpstashFront(port)
    return { connection: upstashRedis({ url: front.url, token: front.token }), close: () => front.close() }
  }
  if (name === 'node-redis') {
    const client = createClient({ socket: { host, port, reconnectStrategy: 50 } })
    client.on('error', () => undefined)
    await client.connect()
    return { connection: nodeRedis(client), close: async () => client.destroy() }
  }
  const client = new Redis({ host, port, retryStrategy: () => 50 })
  client.on('error', () => undefined)
  return { connection: ioredis(client), close: async () => client.disconnect() }
}

async function openCluster(name: WayName, settings: Readonly<Record<string, string>>): Promise<Way> {
  const cluster = await startRedisCluster(3, { settings })
  const nodes = cluster.nodes.map(({ host, port }) => ({ host, port }))
  const plain = new Cluster(nodes, { clusterRetryStrategy: () => 50 })
  plain.on('error', () => undefined)
  const opened = await connectionToCluster(name, nodes)
  return {
    connection: opened.connection,
    servers: cluster.nodes,
    raw: (command, ...args) => plain.callBuffer(String(command), args),
    wipe: () => cluster.wipe(),
    pass: (ms) => pass(cluster.nodes, ms),
    async stop() {
      plain.disconnect()
      await opened.close()
      await cluster.stop()
    },
  }
}

async function connectionToCluster(name: WayName, nodes: readonly { host: string; port: number }[]) {
  if (name === 'node-redis, cluster') {
    const client = createCluster({ rootNodes: nodes.map((socket) => ({ socket })) })
    client.on('error', () => undefined)
    await client.connect()
    return { connection: nodeRedis(client), close: async () => client.destroy() }
  }
  const client = new Cluster([...nodes], { clusterRetryStrategy: () => 50 })
  client.on('error', () => undefined)
  return { connection: ioredis(client), close: async () => client.disconnect() }
}

async function pass(servers: readonly RedisServer[], ms: number): Promise<void> {
  const script = `
    for _, key in ipairs(redis.call('KEYS', '*')) do
      local left = redis.call('PTTL', key)
      if left >= 0 then redis.call('PEXPIRE', key, left - tonumber(ARGV[1])) end
    end`
  await Promise.all(servers.map((server) => server.command('EVAL', script, '0', String(Math.ceil(ms)))))
}
