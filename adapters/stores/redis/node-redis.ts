/** node-redis, as a way to Redis. @module */
import { check } from '../../options.ts'
import type { RedisConnection } from './connection.ts'
import { limitsShape } from './ioredis.ts'
import { bufferType, nodeBytes } from './node-bytes.ts'
import { InFlight, type InFlightLimits } from './in-flight-limit.ts'

/** The methods of node-redis' clients and pools, 5 and later, that the connection calls. */
export interface NodeRedisClient {
  sendCommand(args: readonly string[], options?: object): Promise<unknown>
}

/** The members of its clusters that the connection uses. */
export interface NodeRedisCluster {
  readonly masters: readonly unknown[]
  sendCommand(
    firstKey: string | undefined,
    isReadonly: boolean | undefined,
    args: string[],
    options?: object,
  ): Promise<unknown>
}

/** RESP's `$`: `RESP_TYPES.BLOB_STRING` of `@redis/client`. */
const BLOB_STRING = 36

/**
 * A connection over a node-redis client (`createClient`, `createClientPool`) or cluster (`createCluster`). The client
 * stays its owner's, who connects, watches and closes it.
 *
 * When a call ends, the client drops its commands that it has not written yet. `limits` bounds the others,
 * and they do no harm when Redis runs them late.
 *
 * @throws TypeError where it is not such a client.
 * @example
 * ```ts
 * import { createClient } from 'redis'
 * import { nodeRedis, redisSink } from 'kedge/adapters/redis'
 *
 * const client = createClient({ url: 'redis://127.0.0.1:6379' })
 * client.on('error', () => undefined)
 * await client.connect()
 * const sink = redisSink(nodeRedis(client))
 * ```
 */
export function nodeRedis(
  client: NodeRedisClient | NodeRedisCluster,
  limits: InFlightLimits = {},
): RedisConnection {
  check(limitsShape, limits, 'nodeRedis')
  if (typeof client?.sendCommand !== 'function') {
    throw new TypeError('`client` must be a client of node-redis')
  }
  const outstanding = new InFlight(limits)
  const cluster = isCluster(client)

  return {
    name: 'redis',
    cluster,
    binary: true,
    maxPipelineBytes: 8_000_000,

    async pipeline(commands, { signal }) {
      signal.throwIfAborted()
      const options = { typeMapping: { [BLOB_STRING]: bufferType() }, abortSignal: signal }
      return outstanding.run(commands, () =>
        commands.map(async ({ key, args }) => {
          // Its types say strings where it takes buffers as well.
          const words = args.map(nodeBytes) as string[]
          return isCluster(client)
            ? client.sendCommand(key, false, words, options)
            : client.sendCommand(words, options)
        }),
      )
    },
  }
}

const isCluster = (client: NodeRedisClient | NodeRedisCluster): client is NodeRedisCluster =>
  'masters' in client && Array.isArray(client.masters)
