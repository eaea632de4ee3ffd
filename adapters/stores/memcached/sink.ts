/**
 * A topic kept in Memcached: plain values at the user's keys, which every client can `get`, with client flags
 * 0.
 *
 * What kedge needs beside them stands under its prefix: a companion for each key with its version (see
 * `sink-writes.ts`), and one marker on each server with the epoch, the positions, and which servers there
 * are. After the writes of a batch the sink reads all markers and moves them by CAS: a server that was wiped
 * or restarted has none, and a server that came or left changes the list of servers in them.
 *
 * Memcached may forget any item when it is full. If it forgets a value, readers miss. If it forgets a marker,
 * the sync writes everything again. If it forgets a companion, an older record of that key (a replay, a
 * second sync that is behind) can overwrite the value until the newest is written again. So give Memcached
 * enough memory for all of it.
 *
 * @module
 */
import type { Sink } from '../../../src/ports/sink.ts'
import { count } from '../../option-tests.ts'
import { topicSink, type TopicSinkOptions, topicSinkShape } from '../shared/topic-sink.ts'
import type { MemcachedConnection } from './connection.ts'
import { checkConnection, prefixShape } from './options.ts'
import { SinkStreams } from './sink-streams.ts'

export interface MemcachedSinkOptions extends TopicSinkOptions {
  /**
   * The largest value that is sent, in bytes. Larger ones, and those that the server does not take, are refused, and
   * their keys deleted. Memcached's own bound (`-I`, 1 MiB) is of the item: with its key and about 50 bytes.
   * @default 1_048_576
   */
  readonly maxValueBytes?: number
}

const shape = topicSinkShape(prefixShape, { maxValueBytes: count(1) })

/**
 * A store for one sync. Two syncs need a sink each, because it remembers how far its own one has come.
 *
 * @throws TypeError where an option is wrong or unknown.
 * @example
 * ```ts
 * import { Memcache } from 'memcache'
 * import { memcached, memcachedSink } from 'kedge/adapters/memcached'
 *
 * const client = new Memcache({ nodes: ['127.0.0.1:11211'] })
 * const sink = memcachedSink(memcached(client), { tombstoneTtl: '7d' })
 * ```
 */
export function memcachedSink(connection: MemcachedConnection, options: MemcachedSinkOptions = {}): Sink {
  checkConnection(connection)
  return topicSink('memcachedSink', connection.name, shape, options, (layout) => {
    const { maxValueBytes = 1_048_576 } = options
    return new SinkStreams(connection, { ...layout, maxValueBytes })
  })
}
