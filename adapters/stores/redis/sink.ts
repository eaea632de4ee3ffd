/**
 * A topic kept in Redis: plain strings at the user's keys, which every client can `GET`.
 *
 * What kedge needs beside them stands under its prefix: a companion for each key with the version of its value, in the
 * key's own slot, and the stream's state (epoch, positions) as a hash. Value and version are compared and set by one
 * script. On a single server the same script makes sure that the state is still there; a whole batch is few calls. In
 * a cluster each key is a call of its own, and the state stands 64 times, spread over the slots: after the writes of a
 * batch the sink reads and moves all of them, so that it notices a node that was wiped.
 *
 * A store also loses writes without being wiped: a failover loses what was not replicated, a restart loads an
 * older snapshot. On each node the sink writes a state after the values that it covers, so the node loses
 * both together. A sink that finds a position lower than it has seen answers `'wiped'`, so no reader of its
 * position skips lost writes (decision 28).
 *
 * @module
 */
import type { Sink } from '../../../src/ports/sink.ts'
import { count } from '../../option-tests.ts'
import { topicSink, type TopicSinkOptions, topicSinkShape } from '../shared/topic-sink.ts'
import { checkConnection, prefixShape } from './options.ts'
import type { RedisConnection } from './connection.ts'
import { SinkStreams } from './sink-streams.ts'
import { spreadTags } from './slot.ts'

/** How many times a cluster holds a stream's state: a node with an even share has some for up to 32 masters. */
const MARKERS = 64

export interface RedisSinkOptions extends TopicSinkOptions {
  /** Writes in one call of a script, on a single server. Others wait for its end. @default 200 */
  readonly writesPerCall?: number
}

const shape = topicSinkShape(prefixShape, { writesPerCall: count(1) })

/**
 * A store for one sync. Two syncs need a sink each, because it remembers how far its own one has come.
 *
 * @throws TypeError where an option is wrong or unknown.
 * @example
 * ```ts
 * import { Redis } from 'ioredis'
 * import { ioredis, redisSink } from 'kedge/adapters/redis'
 *
 * const sink = redisSink(ioredis(new Redis('redis://127.0.0.1:6379')), { tombstoneTtl: '7d' })
 * ```
 */
export function redisSink(connection: RedisConnection, options: RedisSinkOptions = {}): Sink {
  checkConnection(connection)
  return topicSink('redisSink', connection.name, shape, options, (layout) => {
    const { writesPerCall = 200 } = options
    return new SinkStreams(connection, {
      ...layout,
      tags: spreadTags(connection.cluster ? MARKERS : 1),
      writesPerCall,
    })
  })
}
