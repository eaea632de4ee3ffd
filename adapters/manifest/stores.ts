/** The adapters of stores: tiers and sinks. @module */
import type { Adapter } from './adapter.ts'

export const STORES: readonly Adapter[] = [
  {
    name: 'redis',
    source: 'adapters/stores/redis.ts',
    factories: { ioredis: 'connection', nodeRedis: 'connection', redisTier: 'tier', redisSink: 'sink' },
    peers: ['ioredis', 'redis'],
    test: 'test/adapters/stores/redis/suites.test.ts',
    page: 'docs/redis.md',
    load: () => import('../stores/redis.ts'),
  },
  {
    name: 'upstash-redis',
    source: 'adapters/stores/upstash-redis.ts',
    factories: { upstashRedis: 'connection' },
    peers: [],
    test: 'test/adapters/stores/redis/upstash.test.ts',
    page: 'docs/redis.md',
    load: () => import('../stores/upstash-redis.ts'),
  },
  {
    name: 'memcached',
    source: 'adapters/stores/memcached.ts',
    factories: { memcached: 'connection', memcachedTier: 'tier', memcachedSink: 'sink' },
    peers: ['memcache'],
    test: 'test/adapters/stores/memcached/suites.test.ts',
    page: 'docs/memcached.md',
    load: () => import('../stores/memcached.ts'),
  },
  {
    name: 'workers-kv',
    source: 'adapters/stores/workers-kv.ts',
    factories: { workersKv: 'tier' },
    peers: [],
    test: 'test/adapters/stores/tiers/suite-worker.ts',
    page: 'docs/memcached.md',
    load: () => import('../stores/workers-kv.ts'),
  },
  {
    name: 'cache-api',
    source: 'adapters/stores/cache-api.ts',
    factories: { cacheApi: 'tier' },
    peers: [],
    test: 'test/adapters/stores/tiers/suite-worker.ts',
    page: 'docs/memcached.md',
    load: () => import('../stores/cache-api.ts'),
  },
]
