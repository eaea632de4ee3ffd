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
  '.': { maxBytes: 35_850 },
  './tier': { maxBytes: 9_650 },
  './replicate': { maxBytes: 13_700 },
  './write-paths': { maxBytes: 11_450 },
  './loader-client': { maxBytes: 8_650 },
  './signing': { maxBytes: 4_050 },
  './messages': { maxBytes: 2_750 },
  './testing': { maxBytes: 18_800 },
  './adapters/gateway': { maxBytes: 7_800 },
  './adapters/confluent': { maxBytes: 11_300 },
  './adapters/upstash': { maxBytes: 7_500 },
  './adapters/redpanda': { maxBytes: 8_100 },
  './adapters/strimzi': { maxBytes: 10_400 },
  './adapters/karapace': { maxBytes: 10_400 },
  './adapters/warpstream': { maxBytes: 7_200 },
  './adapters/kafka-rest': { maxBytes: 15_800 },
  './adapters/messagepack': { maxBytes: 2_500 },
  './adapters/redis': { maxBytes: 12_900 },
  './adapters/upstash-redis': { maxBytes: 5_200 },
  './adapters/memcached': { maxBytes: 10_400 },
  './adapters/workers-kv': { maxBytes: 5_000 },
  './adapters/cache-api': { maxBytes: 5_000 },
  './adapters/cachified': { maxBytes: 6_600 },
  './adapters/keyv': { maxBytes: 2_400 },
  './adapters/unstorage': { maxBytes: 6_500 },
  './adapters/next': { maxBytes: 7_600 },
  './adapters/prom-client': { maxBytes: 3_500 },
  './adapters/tail': { maxBytes: 10_400 },
  './adapters/tail-socket': { maxBytes: 9_500 },
  './adapters/log-events': { maxBytes: 3_400 },
  './adapters/opentelemetry': { maxBytes: 5_900 },
  './adapters/otlp': { maxBytes: 9_000 },
  './adapters/undici': { maxBytes: 5_100, node: true },
  './worker': { maxBytes: 34_200 },
  './worker/cloudflare': { maxBytes: 114_500 },
  './worker/cloudflare-otlp': { maxBytes: 119_250 },
  './worker/tail': { maxBytes: 11_050 },
  './lambda': { maxBytes: 39_200 },
  './sync': { maxBytes: 28_200 },
  './loader': { maxBytes: 47_000 },
  './persister': { maxBytes: 45_000 },
  './node': { maxBytes: 11_600, node: true },
  './gateway': { maxBytes: 251_200, node: true },
}

/** What programs ship: parts in one bundle, with all that they import. Zod is in it only where something checks by schemas. */
export interface Bundle {
  /** Subpaths of the package, or files of this repository. */
  readonly parts: readonly string[]
  readonly maxBytes: number
}

const USER_SCHEMA = 'tools/user-schema.ts'

export const BUNDLES: Readonly<Record<string, Bundle>> = {
  'core + zod': { parts: ['.', USER_SCHEMA], maxBytes: 40_450 },
  'core + gateway': { parts: ['.', './adapters/gateway'], maxBytes: 41_850 },
  'core + gateway + zod': { parts: ['.', './adapters/gateway', USER_SCHEMA], maxBytes: 46_400 },
  'core + confluent': { parts: ['.', './adapters/confluent'], maxBytes: 45_200 },
  'core + tier': { parts: ['.', './tier'], maxBytes: 39_700 },
  'core + replicate': { parts: ['.', './replicate'], maxBytes: 43_450 },
  'core + write-paths': { parts: ['.', './write-paths'], maxBytes: 40_500 },
  'core + loader-client': { parts: ['.', './loader-client'], maxBytes: 39_900 },
  'core + all features': {
    parts: ['.', './tier', './replicate', './write-paths', './loader-client'],
    maxBytes: 51_350,
  },
  'middleware, Hono and all': { parts: ['tools/bench/cold-start/middleware.ts'], maxBytes: 53_550 },
  'the worker, with all': { parts: ['worker/cloudflare.ts'], maxBytes: 131_600 },
}
