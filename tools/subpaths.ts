/**
 * What may be imported of the package: how large each part may be, and which of them may need Node.
 *
 * Sizes are of the part with all that it imports of this package, minified and gzipped, with what the package has
 * bundled (Hono, Kafka's client); what is installed beside it (zod, optional peers) is not counted. The services are
 * with quick-lru.
 *
 * @module
 */

export interface Subpath {
  readonly maxBytes: number
  /** It may import modules of Node: it runs there alone. */
  readonly node?: true
}

export const SUBPATHS: Readonly<Record<string, Subpath>> = {
  '.': { maxBytes: 39_000 },
  './testing': { maxBytes: 18_500 },
  './adapters/confluent': { maxBytes: 11_500 },
  './adapters/upstash': { maxBytes: 6_500 },
  './adapters/redpanda': { maxBytes: 7_500 },
  './adapters/strimzi': { maxBytes: 9_500 },
  './adapters/karapace': { maxBytes: 9_500 },
  './adapters/warpstream': { maxBytes: 6_500 },
  './adapters/kafka-rest': { maxBytes: 15_000 },
  './adapters/messagepack': { maxBytes: 2_000 },
  './adapters/redis': { maxBytes: 13_000 },
  './adapters/upstash-redis': { maxBytes: 4_500 },
  './adapters/memcached': { maxBytes: 10_000 },
  './adapters/workers-kv': { maxBytes: 4_500 },
  './adapters/cache-api': { maxBytes: 4_500 },
  './adapters/cachified': { maxBytes: 6_000 },
  './adapters/keyv': { maxBytes: 2_500 },
  './adapters/unstorage': { maxBytes: 6_000 },
  './adapters/next': { maxBytes: 7_000 },
  './adapters/undici': { maxBytes: 5_000, node: true },
  './worker': { maxBytes: 22_500 },
  './worker/cloudflare': { maxBytes: 83_500 },
  './lambda': { maxBytes: 28_500 },
  './sync': { maxBytes: 26_500 },
  './loader': { maxBytes: 45_500 },
  './persister': { maxBytes: 44_000 },
  './node': { maxBytes: 10_000, node: true },
  './gateway': { maxBytes: 205_000, node: true },
}
