/**
 * Redis as a sink that a topic is kept in, and as a shared tier that follows the log: over ioredis, node-redis, or
 * Upstash's REST API (`kedge/adapters/upstash-redis`). Neither client is imported: you pass yours.
 *
 * @module
 */
export type {
  PipelineOptions,
  RedisArgument,
  RedisCommand,
  RedisConnection,
  RedisReply,
} from './redis/connection.ts'
export { RedisFailure } from './redis/connection.ts'
export { ioredis, type IoredisClient, type IoredisPipeline } from './redis/ioredis.ts'
export { nodeRedis, type NodeRedisClient, type NodeRedisCluster } from './redis/node-redis.ts'
export type { InFlightLimits } from './redis/in-flight-limit.ts'
export { redisSink, type RedisSinkOptions } from './redis/sink.ts'
export { redisTier, type RedisTierOptions } from './redis/tier.ts'
export type { TopicSinkOptions } from './shared/topic-sink.ts'
