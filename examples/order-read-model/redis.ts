/** A Redis to write to: that of `REDIS_URL`, or one of our own that ends with us. @module */
import { Redis } from 'ioredis'
// Finds redis-server on the PATH, or unpacks Debian's package beside the modules, as the tests do.
import { startRedis } from '../../test/store-servers/redis.ts'

export interface OpenRedis {
  readonly client: Redis
  readonly says: string
  close(): Promise<void>
}

/** @throws Error that says what to do, where there is none. */
export async function openRedis(): Promise<OpenRedis> {
  const given = process.env['REDIS_URL']
  if (given) return connect(given, 'the Redis of REDIS_URL', async () => {})
  const server = await startRedis().catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause)
    const todo = 'Install redis-server, or set REDIS_URL=redis://host:6379 to use one that runs.'
    throw new Error(`There is no Redis here: ${why}.\n${todo}`, { cause })
  })
  return connect(`redis://${server.host}:${server.port}`, 'a Redis of our own', () => server.stop())
}

async function connect(url: string, says: string, stop: () => Promise<void>): Promise<OpenRedis> {
  const client = new Redis(url, { lazyConnect: true, connectTimeout: 5000, maxRetriesPerRequest: 1 })
  // The call that fails rejects; without a listener ioredis would print the error as well.
  client.on('error', () => undefined)
  const close = async () => {
    client.disconnect()
    await stop()
  }
  try {
    await client.ping()
    return { client, says, close }
  } catch (cause) {
    await close()
    throw new Error(
      `${says} does not answer. Is it up, and REDIS_URL as redis://[user:password@]host:port?`,
      {
        cause,
      },
    )
  }
}
