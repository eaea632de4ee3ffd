/** Makes a store from its URL, and loads only the client that this store needs. @module */
import type { RedisConnection } from '../adapters/stores/redis.ts'
import { KedgeError } from '../src/ports/errors.ts'
import type { Sink } from '../src/ports/sink.ts'
import type { Tier } from '../src/ports/tier.ts'
import { asUsage, UsageError } from './failure.ts'
import { parseStoreUrl } from './store-url.ts'
import type { StoreUrl } from './store-url.ts'

export interface OpenStore {
  readonly sink: Sink
  /** `undefined` for a store that cannot follow the log. */
  readonly tier: Tier | undefined
  readonly close: () => Promise<void>
}

export interface StoreOptions {
  readonly password: string | undefined
  /** The prefix of kedge's own keys. */
  readonly prefix: string
}

/**
 * Makes the store without connecting. @throws UsageError for an invalid URL, or a client that is not
 * installed.
 */
export async function openStore(url: string, options: StoreOptions): Promise<OpenStore> {
  const parsed = parseStoreUrl(url, options.password)
  try {
    if (parsed.kind === 'upstash') return await upstashStore(parsed, options)
    if (parsed.kind === 'memcached') return await memcachedStore(parsed, options)
    return await redisStore(parsed, options)
  } catch (error) {
    throw asUsage(error)
  }
}

async function redisStore(url: StoreUrl, { prefix }: StoreOptions): Promise<OpenStore> {
  const { Cluster, Redis } = await installed(() => import('ioredis'), 'ioredis')
  const { ioredis, redisSink, redisTier } = await import('../adapters/stores/redis.ts')
  const { username, password, hosts, db } = url
  const access = {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(url.tls && { tls: {} }),
  }
  const [first] = hosts
  const client =
    url.kind === 'redis-cluster'
      ? new Cluster([...hosts], { redisOptions: access, lazyConnect: true })
      : new Redis({ ...first!, ...access, ...(db !== undefined && { db }), lazyConnect: true })
  // Each call rejects with its own error; without this listener an `error` event would end the process.
  client.on('error', () => undefined)
  const where = hosts.map(({ host, port }) => `${host}:${port}`).join(', ')
  const connection = failingAtOnce(ioredis(client), client, where)
  return {
    sink: redisSink(connection, { prefix }),
    tier: redisTier(connection, { prefix }),
    close: async () => client.disconnect(),
  }
}

/** The events and the state of ioredis' clients. */
interface Client {
  readonly status: string
  on(event: 'error', listener: (error: Error) => void): unknown
  off(event: 'error', listener: (error: Error) => void): unknown
}

/**
 * While ioredis reconnects, it queues commands, and a refused connection does not reject them before their
 * time-out. This connection rejects at the first such error. A command that ioredis still sends later is
 * harmless.
 */
function failingAtOnce(connection: RedisConnection, client: Client, where: string): RedisConnection {
  return {
    ...connection,
    async pipeline(commands, options) {
      if (client.status === 'ready') return connection.pipeline(commands, options)
      let listener: (error: Error) => void = () => undefined
      const refused = new Promise<never>((_, reject) => {
        listener = (error) => {
          // A ReplyError, for a wrong password for instance, also rejects the commands themselves.
          if (error.name !== 'ReplyError') reject(noConnection(error, where))
        }
        client.on('error', listener)
      })
      try {
        return await Promise.race([connection.pipeline(commands, options), refused])
      } finally {
        client.off('error', listener)
      }
    },
  }
}

/** The error of a failed connection; for a cluster the cause is the error of its last node. */
function noConnection(error: Error, where: string): KedgeError {
  const { lastNodeError } = error as { lastNodeError?: unknown }
  const cause = lastNodeError instanceof Error ? lastNodeError : error
  const why = 'code' in cause ? '' : `: ${cause.message}`
  return new KedgeError('ERR_NETWORK', `no connection to Redis at ${where}${why}`, { cause, retryable: true })
}

async function upstashStore({ href, password }: StoreUrl, { prefix }: StoreOptions): Promise<OpenStore> {
  if (password === undefined) throw new UsageError('the token of Upstash is missing: set KEDGE_SYNC_PASSWORD')
  const { redisSink, redisTier } = await import('../adapters/stores/redis.ts')
  const { upstashRedis } = await import('../adapters/stores/upstash-redis.ts')
  const connection = upstashRedis({ url: href, token: password })
  return {
    sink: redisSink(connection, { prefix }),
    tier: redisTier(connection, { prefix }),
    close: async () => undefined,
  }
}

async function memcachedStore(
  { hosts, username, password }: StoreUrl,
  { prefix }: StoreOptions,
): Promise<OpenStore> {
  const { Memcache } = await installed(() => import('memcache'), 'memcache')
  const { memcached, memcachedSink } = await import('../adapters/stores/memcached.ts')
  const client = new Memcache({
    nodes: hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`),
  })
  client.on('error', () => undefined)
  const auth = username !== undefined && password !== undefined ? { auth: { username, password } } : {}
  return {
    sink: memcachedSink(memcached(client, auth), { prefix }),
    // Without scripts Memcached cannot keep the applied position of evictions.
    tier: undefined,
    close: () => client.disconnect(),
  }
}

async function installed<T>(load: () => Promise<T>, name: string): Promise<T> {
  try {
    return await load()
  } catch (cause) {
    throw new UsageError(`install ${name} first: it is not a part of kedge`, { cause })
  }
}
