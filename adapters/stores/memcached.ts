/**
 * Memcached as a sink that a topic is kept in, and as a shared tier: over the npm package `memcache`, which is not imported: you pass your
 * client.
 *
 * @module
 */
export type { MemcachedConnection, MemcachedServer, MemcachedSession } from './memcached/connection.ts'
export {
  memcached,
  type MemcacheClient,
  type MemcachedOptions,
  type MemcacheNode,
} from './memcached/memcache.ts'
export { MetaFailure, type MetaReply, type MetaRequest } from './memcached/meta.ts'
export type { MemcachedSocket, SessionLimits } from './memcached/session.ts'
export { memcachedSink, type MemcachedSinkOptions } from './memcached/sink.ts'
export { type MemcachedTier, memcachedTier, type MemcachedTierOptions } from './memcached/tier.ts'
export type { TopicSinkOptions } from './shared/topic-sink.ts'
