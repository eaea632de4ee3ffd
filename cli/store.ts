/** A store, made of its URL. The clients are loaded by those alone who use them. @module */
import type { RedisConnection } from '../adapters/redis.ts'
import { KedgeError } from '../src/errors.ts'
import type { Sink } from '../src/sink.ts'
import type { Tier } from '../src/tier.ts'
import { asUsage, UsageError } from './failure.ts'
import { parseStoreUrl } from './store-url.ts'
import type { StoreUrl } from './store-url.ts'

export interface OpenStore {
  readonly sink: Sink
  /** `undefined` where the store is none that follows the log. */
  readonly tier: Tier | undefined
  readonly close: () => Promise<void>
}

export interface StoreOptions {
  readonly password: string | undefined
  /** Begins the names of kedge's own keys. */
  readonly prefix: string
}

/** Connects to nothing yet. @throws UsageError for a URL that is none, or a client that is not installed. */
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
  const { ioredis, redisSink, redisTier } = await import('../adapters/redis.ts')
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
  // Whoever calls is told what fails; without a listener the process would end.
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
 * ioredis queues commands while it connects again and again, and says nothing before their time is over: that the
 * connection is refused is known long before. What it has queued is harmless when it is carried out late.
 */
function failingAtOnce(connection: RedisConnection, client: Client, where: string): RedisConnection {
  return {
    ...connection,
    async pipeline(commands, options) {
      if (client.status === 'ready') return connection.pipeline(commands, options)
      let listener: (error: Error) => void = () => undefined
      const refused = new Promise<never>((_, reject) => {
        listener = (error) => {
          // What the server answers, a wrong password for instance, is the answer to the commands as well.
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

/** A cluster says that all nodes failed, and what the last of them said. */
function noConnection(error: Error, where: string): KedgeError {
  const { lastNodeError } = error as { lastNodeError?: unknown }
  const cause = lastNodeError instanceof Error ? lastNodeError : error
  const why = 'code' in cause ? '' : `: ${cause.message}`
  return new KedgeError('ERR_NETWORK', `no connection to Redis at ${where}${why}`, { cause, retryable: true })
}

async function upstashStore({ href, password }: StoreUrl, { prefix }: StoreOptions): Promise<OpenStore> {
  if (password === undefined) throw new UsageError('the token of Upstash is missing (KEDGE_SYNC_PASSWORD)')
  const { redisSink, redisTier } = await import('../adapters/redis.ts')
  const { upstashRedis } = await import('../adapters/upstash-redis.ts')
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
  const { memcached, memcachedSink } = await import('../adapters/memcached.ts')
  const client = new Memcache({
    nodes: hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`),
  })
  client.on('error', () => undefined)
  const auth = username !== undefined && password !== undefined ? { auth: { username, password } } : {}
  return {
    sink: memcachedSink(memcached(client, auth), { prefix }),
    // Without scripts it cannot tell how far evictions have been applied.
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
