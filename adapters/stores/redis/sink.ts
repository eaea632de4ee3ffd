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
 * position skips lost writes.
 *
 * @module
 */
import * as z from 'zod'
import type { Sink } from '../../../src/ports/sink.ts'
import type { Duration } from '../../../src/runtime/duration.ts'
import { answeredWithin } from '../../deadline.ts'
import { check, count, durationShape, longerThanNothing } from '../../options.ts'
import { checkConnection, prefixShape } from './options.ts'
import type { RedisConnection } from './connection.ts'
import { SinkStreams } from './sink-streams.ts'
import { spreadTags } from './slot.ts'

/** How many times a cluster holds a stream's state: a node with an even share has some for up to 32 masters. */
const MARKERS = 64

export interface RedisSinkOptions {
  /** Begins the name of every key that is kedge's own. @default 'kedge:' */
  readonly prefix?: string
  /**
   * How long the version of a deleted or expired key is remembered: a replay or a second sync that is further behind
   * could bring it back for a while.
   * @default '24h'
   */
  readonly tombstoneTtl?: Duration
  /** How long a call may take in all. @default '10s' */
  readonly timeout?: Duration
  /** Writes in one call of a script, on a single server. Others wait for its end. @default 200 */
  readonly writesPerCall?: number
}

const shape = z.strictObject(
  {
    prefix: prefixShape.optional(),
    tombstoneTtl: durationShape.optional(),
    timeout: durationShape.optional(),
    writesPerCall: count(1).optional(),
  },
  { error: 'must be an object' },
)

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
  check(shape, options, 'redisSink')
  const timeoutMs = longerThanNothing(options.timeout ?? '10s', 'timeout')
  const streams = new SinkStreams(connection, {
    prefix: options.prefix ?? 'kedge:',
    tags: spreadTags(connection.cluster ? MARKERS : 1),
    keepMs: longerThanNothing(options.tombstoneTtl ?? '24h', 'tombstoneTtl'),
    writesPerCall: options.writesPerCall ?? 200,
  })

  return {
    name: connection.name,
    state: (stream, call = {}) =>
      answeredWithin(timeoutMs, call.signal, (signal) => streams.state(stream, call.watch ?? false, signal)),
    begin: (stream, epoch, logId, call = {}) =>
      answeredWithin(timeoutMs, call.signal, (signal) =>
        streams.begin(stream, epoch, logId, call.replaces, signal),
      ),
    write: (stream, batch, call = {}) =>
      answeredWithin(timeoutMs, call.signal, (signal) => streams.write(stream, batch, signal)),
  }
}
