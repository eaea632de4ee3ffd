/** ioredis, as a way to Redis. @module */
import type { Options } from '../../../src/api/option-check.ts'
import { check } from '../../options.ts'
import { count } from '../../option-tests.ts'
import { nodeBytes } from './node-bytes.ts'
import type { RedisConnection } from './connection.ts'
import { InFlight, type InFlightLimits } from './in-flight-limit.ts'

/** The methods of ioredis' `Redis` and `Cluster`, 5 and later, that the connection calls. */
export interface IoredisClient {
  readonly isCluster: boolean
  readonly options: { readonly keyPrefix?: unknown }
  callBuffer(command: string, args: string[]): Promise<unknown>
  pipeline(): IoredisPipeline
}

export interface IoredisPipeline {
  callBuffer(command: string, args: string[]): unknown
  exec(): Promise<[error: Error | null, result: unknown][] | null>
}

export const limitsShape: Options = {
  maxCommands: count(1),
  maxBytes: count(1),
}

/**
 * A connection over an ioredis client: `Redis` (also with Sentinels) or `Cluster`. The client stays its owner's, who
 * configures, watches and closes it.
 *
 * Calls end by their own deadlines, whatever the client's options say about a lost connection. `limits`
 * bounds what it queues meanwhile. A queued command does no harm when Redis runs it late: every command of
 * kedge names the state that it expects.
 *
 * @throws TypeError where it is not such a client, or one with a `keyPrefix`: kedge's own is the option `prefix`.
 * @example
 * ```ts
 * import { Redis } from 'ioredis'
 * import { ioredis, redisSink } from 'kedge/adapters/redis'
 *
 * const sink = redisSink(ioredis(new Redis('redis://127.0.0.1:6379')))
 * ```
 */
export function ioredis(client: IoredisClient, limits: InFlightLimits = {}): RedisConnection {
  check(limitsShape, limits, 'ioredis')
  if (typeof client?.callBuffer !== 'function' || typeof client.pipeline !== 'function') {
    throw new TypeError('`client` must be a client of ioredis')
  }
  if (client.options.keyPrefix) {
    throw new TypeError(
      '`client` must not have a `keyPrefix`: ioredis would not add it to the keys that scripts name',
    )
  }
  const outstanding = new InFlight(limits)
  const cluster = client.isCluster

  return {
    name: 'redis',
    cluster,
    binary: true,
    maxPipelineBytes: 8_000_000,

    async pipeline(commands, { signal }) {
      signal.throwIfAborted()
      return outstanding.run(commands, () => {
        // Its types know of Node's buffers, which are not named here.
        const calls = commands.map(
          ({ args: [name, ...args] }) => [String(name), args.map(nodeBytes) as string[]] as const,
        )
        // A pipeline of ioredis is for one node; a cluster routes, and repeats, each command by itself. Either way
        // all of them are written before an answer is waited for.
        if (cluster) return calls.map(([name, args]) => client.callBuffer(name, args))
        const pipeline = client.pipeline()
        for (const [name, args] of calls) pipeline.callBuffer(name, args)
        const all = pipeline.exec()
        return calls.map((_, index) => all.then((results) => resultAt(results, index)))
      })
    },
  }
}

function resultAt(results: [Error | null, unknown][] | null, index: number): unknown {
  const [error, result] = results?.[index] ?? [new Error('the pipeline has no result for a command')]
  if (error) throw error
  return result
}
