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
  '.': { maxBytes: 31_000 },
  './tier': { maxBytes: 10_000 },
  './replicate': { maxBytes: 12_000 },
  './write-paths': { maxBytes: 12_000 },
  './loader-client': { maxBytes: 12_000 },
  './messages': { maxBytes: 5_000 },
  './testing': { maxBytes: 18_500 },
  './adapters/gateway': { maxBytes: 7_500 },
  './adapters/confluent': { maxBytes: 11_000 },
  './adapters/upstash': { maxBytes: 7_500 },
  './adapters/redpanda': { maxBytes: 8_000 },
  './adapters/strimzi': { maxBytes: 10_500 },
  './adapters/karapace': { maxBytes: 10_500 },
  './adapters/warpstream': { maxBytes: 7_500 },
  './adapters/kafka-rest': { maxBytes: 16_000 },
  './adapters/messagepack': { maxBytes: 2_500 },
  './adapters/redis': { maxBytes: 13_000 },
  './adapters/upstash-redis': { maxBytes: 5_500 },
  './adapters/memcached': { maxBytes: 10_500 },
  './adapters/workers-kv': { maxBytes: 5_000 },
  './adapters/cache-api': { maxBytes: 5_000 },
  './adapters/cachified': { maxBytes: 7_000 },
  './adapters/keyv': { maxBytes: 2_500 },
  './adapters/unstorage': { maxBytes: 7_000 },
  './adapters/next': { maxBytes: 8_000 },
  './adapters/undici': { maxBytes: 5_500, node: true },
  './worker': { maxBytes: 23_000 },
  './worker/cloudflare': { maxBytes: 84_500 },
  './lambda': { maxBytes: 29_500 },
  './sync': { maxBytes: 27_500 },
  './loader': { maxBytes: 47_000 },
  './persister': { maxBytes: 45_000 },
  './node': { maxBytes: 10_000, node: true },
  './gateway': { maxBytes: 205_000, node: true },
}

/** What programs ship: parts in one bundle, with all that they import, zod too. */
export interface Bundle {
  /** Subpaths of the package, or files of this repository. */
  readonly parts: readonly string[]
  readonly maxBytes: number
}

export const BUNDLES: Readonly<Record<string, Bundle>> = {
  'core + zod': { parts: ['.'], maxBytes: 39_000 },
  'core + gateway + zod': { parts: ['.', './adapters/gateway'], maxBytes: 45_000 },
  'core + confluent + zod': { parts: ['.', './adapters/confluent'], maxBytes: 51_500 },
  'core + tier + zod': { parts: ['.', './tier'], maxBytes: 42_500 },
  'core + replicate + zod': { parts: ['.', './replicate'], maxBytes: 43_500 },
  'core + write-paths + zod': { parts: ['.', './write-paths'], maxBytes: 43_000 },
  'core + loader-client + zod': { parts: ['.', './loader-client'], maxBytes: 43_000 },
  'core + all features + zod': {
    parts: ['.', './tier', './replicate', './write-paths', './loader-client'],
    maxBytes: 51_500,
  },
  'middleware, Hono and all': { parts: ['tools/bench/cold-start/middleware.ts'], maxBytes: 56_000 },
  'the worker, with all': { parts: ['worker/cloudflare.ts'], maxBytes: 103_500 },
}
