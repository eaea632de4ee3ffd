/**
 * Every public adapter, in one list. `test/adapters/manifest.test.ts` fails where an adapter stands here and not in
 * package.json, jsr.json, knip.json, the command line or the docs, or there and not here.
 *
 * Tests and tools read it; it is not published. It imports an adapter only when that is called for.
 *
 * @module
 */
import type { KafkaLog, LogCapabilities } from '../src/ports/kafka-log.ts'
import type { TransportOptions } from './options.ts'

/** What a factory makes. */
type AdapterKind = 'log' | 'tier' | 'sink' | 'connection' | 'framework' | 'transport' | 'codec'

/** Where a proxy is. */
export interface ProxyAddress extends TransportOptions {
  readonly url: string
  readonly auth?: { readonly username: string; readonly password: string }
}

/** A proxy that an adapter speaks to, a row of each table in the README and docs/adapters.md. */
export interface RestProxy {
  /** How the rows in the docs begin. */
  readonly proxy: string
  /** How the docs call the adapter for it. */
  readonly call: string
  /** Its name on the command line; absent for what the command line does not reach. */
  readonly flavor?: string
  /** Whether `kafkaRest()` recognises it. */
  readonly recognised: boolean
  /** Whether its adapter reads and writes by itself. */
  readonly alone: boolean
  /** Whether the gateway speaks its protocol, and may stand for it. */
  readonly gatewayToo: boolean
  /** What a log of it says of itself; `undefined` where that depends on what it is given. */
  readonly capabilities: LogCapabilities | undefined
  /** Whether it gives back a null as such; `'refused'` where none can be written at all. */
  readonly tombstones: boolean | 'refused'
  readonly open?: (at: ProxyAddress) => Promise<KafkaLog>
}

export interface Adapter {
  /** Imported as `kedge/adapters/<name>`. */
  readonly name: string
  readonly source: string
  /** The functions that it exports, and what each makes. */
  readonly factories: Readonly<Record<string, AdapterKind>>
  /** Packages that a program installs beside kedge to use it. Each is an optional peer. */
  readonly peers: readonly string[]
  /** The test that runs the contract of what it makes, or its own tests where there is none. */
  readonly test: string
  /** The page that has its options. */
  readonly page: string
  readonly load: () => Promise<object>
  readonly proxies?: readonly RestProxy[]
}

const NOTHING: LogCapabilities = { identity: false, longPoll: false, readCommitted: false }
const LONG_POLL: LogCapabilities = { ...NOTHING, longPoll: true }
const COMMITTED: LogCapabilities = { ...LONG_POLL, readCommitted: true }
const ALL: LogCapabilities = { ...COMMITTED, identity: true }

const REPLAY = 'test/adapters/kafka/replay'
const NOBODY = { username: 'nobody', password: 'none' }

const LOGS: readonly Adapter[] = [
  {
    name: 'confluent',
    source: 'adapters/kafka/confluent.ts',
    factories: { confluent: 'log' },
    peers: [],
    test: 'test/conformance/confluent.test.ts',
    page: 'docs/adapters.md',
    load: () => import('./kafka/confluent.ts'),
    proxies: [
      {
        proxy: 'kedge gateway',
        call: 'confluent({ url, gateway: true })',
        flavor: 'gateway',
        recognised: true,
        alone: true,
        gatewayToo: true,
        capabilities: ALL,
        tombstones: true,
        open: async (at) => (await import('./kafka/confluent.ts')).confluent({ ...at, gateway: true }),
      },
      {
        proxy: 'Confluent REST Proxy',
        call: 'confluent({ url })',
        flavor: 'confluent',
        recognised: true,
        alone: true,
        gatewayToo: true,
        capabilities: NOTHING,
        tombstones: true,
        open: async (at) => (await import('./kafka/confluent.ts')).confluent(at),
      },
      {
        proxy: 'Confluent Cloud',
        call: 'confluent({ produce, read })',
        recognised: false,
        alone: false,
        gatewayToo: true,
        capabilities: undefined,
        tombstones: true,
      },
    ],
  },
  {
    name: 'strimzi',
    source: 'adapters/kafka/strimzi.ts',
    factories: { strimzi: 'log' },
    peers: [],
    test: `${REPLAY}/strimzi.test.ts`,
    page: 'docs/adapters.md',
    load: () => import('./kafka/strimzi.ts'),
    proxies: [
      {
        proxy: 'Strimzi HTTP bridge',
        call: 'strimzi({ url })',
        flavor: 'strimzi',
        recognised: true,
        alone: true,
        gatewayToo: false,
        capabilities: COMMITTED,
        tombstones: false,
        open: async (at) => (await import('./kafka/strimzi.ts')).strimzi(at),
      },
    ],
  },
  {
    name: 'karapace',
    source: 'adapters/kafka/karapace.ts',
    factories: { karapace: 'log' },
    peers: [],
    test: `${REPLAY}/karapace.test.ts`,
    page: 'docs/adapters.md',
    load: () => import('./kafka/karapace.ts'),
    proxies: [
      {
        proxy: 'Karapace',
        call: 'karapace({ url })',
        flavor: 'karapace',
        recognised: true,
        alone: true,
        gatewayToo: false,
        capabilities: NOTHING,
        tombstones: 'refused',
        open: async (at) => (await import('./kafka/karapace.ts')).karapace(at),
      },
    ],
  },
  {
    name: 'redpanda',
    source: 'adapters/kafka/redpanda.ts',
    factories: { redpanda: 'log' },
    peers: [],
    test: `${REPLAY}/redpanda.test.ts`,
    page: 'docs/adapters.md',
    load: () => import('./kafka/redpanda.ts'),
    proxies: [
      {
        proxy: 'Redpanda HTTP Proxy',
        call: 'redpanda({ url })',
        flavor: 'redpanda',
        recognised: true,
        alone: true,
        gatewayToo: true,
        capabilities: LONG_POLL,
        tombstones: true,
        open: async (at) => (await import('./kafka/redpanda.ts')).redpanda(at),
      },
    ],
  },
  {
    name: 'warpstream',
    source: 'adapters/kafka/warpstream.ts',
    factories: { warpstream: 'log' },
    peers: [],
    test: `${REPLAY}/warpstream.test.ts`,
    page: 'docs/adapters.md',
    load: () => import('./kafka/warpstream.ts'),
    proxies: [
      {
        proxy: 'WarpStream',
        call: 'warpstream({ url, produce })',
        flavor: 'warpstream',
        recognised: true,
        alone: false,
        gatewayToo: false,
        capabilities: NOTHING,
        tombstones: true,
        open: async (at) => (await import('./kafka/warpstream.ts')).warpstream(at),
      },
    ],
  },
  {
    name: 'upstash',
    source: 'adapters/kafka/upstash.ts',
    factories: { upstash: 'log' },
    peers: ['@upstash/kafka'],
    test: 'test/conformance/upstash.test.ts',
    page: 'docs/adapters.md',
    load: () => import('./kafka/upstash.ts'),
    proxies: [
      {
        proxy: "Upstash's REST",
        call: 'upstash({ url, … })',
        flavor: 'upstash',
        // Its adapter needs a package of its own, which a program that asks would have to install.
        recognised: false,
        alone: true,
        gatewayToo: true,
        capabilities: LONG_POLL,
        tombstones: false,
        open: async ({ auth = NOBODY, ...at }) =>
          (await import('./kafka/upstash.ts')).upstash({ ...at, ...auth }),
      },
    ],
  },
  {
    name: 'kafka-rest',
    source: 'adapters/kafka/kafka-rest.ts',
    factories: { kafkaRest: 'log' },
    peers: [],
    test: `${REPLAY}/gateway.test.ts`,
    page: 'docs/adapters.md',
    load: () => import('./kafka/kafka-rest.ts'),
    proxies: [
      {
        proxy: 'whichever it is',
        call: 'kafkaRest({ url })',
        flavor: 'auto',
        recognised: false,
        alone: true,
        gatewayToo: true,
        capabilities: undefined,
        tombstones: true,
        open: async (at) => (await import('./kafka/kafka-rest.ts')).kafkaRest(at),
      },
    ],
  },
]

const STORES: readonly Adapter[] = [
  {
    name: 'redis',
    source: 'adapters/stores/redis.ts',
    factories: { ioredis: 'connection', nodeRedis: 'connection', redisTier: 'tier', redisSink: 'sink' },
    peers: ['ioredis', 'redis'],
    test: 'test/adapters/stores/redis/suites.test.ts',
    page: 'docs/redis.md',
    load: () => import('./stores/redis.ts'),
  },
  {
    name: 'upstash-redis',
    source: 'adapters/stores/upstash-redis.ts',
    factories: { upstashRedis: 'connection' },
    peers: [],
    test: 'test/adapters/stores/redis/upstash.test.ts',
    page: 'docs/redis.md',
    load: () => import('./stores/upstash-redis.ts'),
  },
  {
    name: 'memcached',
    source: 'adapters/stores/memcached.ts',
    factories: { memcached: 'connection', memcachedTier: 'tier', memcachedSink: 'sink' },
    peers: ['memcache'],
    test: 'test/adapters/stores/memcached/suites.test.ts',
    page: 'docs/memcached.md',
    load: () => import('./stores/memcached.ts'),
  },
  {
    name: 'workers-kv',
    source: 'adapters/stores/workers-kv.ts',
    factories: { workersKv: 'tier' },
    peers: [],
    test: 'test/adapters/stores/tiers/suite-worker.ts',
    page: 'docs/memcached.md',
    load: () => import('./stores/workers-kv.ts'),
  },
  {
    name: 'cache-api',
    source: 'adapters/stores/cache-api.ts',
    factories: { cacheApi: 'tier' },
    peers: [],
    test: 'test/adapters/stores/tiers/suite-worker.ts',
    page: 'docs/memcached.md',
    load: () => import('./stores/cache-api.ts'),
  },
]

const OTHERS: readonly Adapter[] = [
  {
    name: 'cachified',
    source: 'adapters/frameworks/cachified.ts',
    factories: { cachifiedCache: 'framework' },
    peers: ['@epic-web/cachified'],
    test: 'test/adapters/frameworks/cachified.test.ts',
    page: 'docs/frameworks.md',
    load: () => import('./frameworks/cachified.ts'),
  },
  {
    name: 'keyv',
    source: 'adapters/frameworks/keyv.ts',
    factories: { keyvStore: 'framework' },
    peers: [],
    test: 'test/adapters/frameworks/keyv.test.ts',
    page: 'docs/frameworks.md',
    load: () => import('./frameworks/keyv.ts'),
  },
  {
    name: 'unstorage',
    source: 'adapters/frameworks/unstorage.ts',
    factories: { unstorageDriver: 'framework' },
    peers: [],
    test: 'test/adapters/frameworks/unstorage.test.ts',
    page: 'docs/frameworks.md',
    load: () => import('./frameworks/unstorage.ts'),
  },
  {
    name: 'next',
    source: 'adapters/frameworks/next.ts',
    factories: { nextCacheHandler: 'framework' },
    peers: [],
    test: 'test/adapters/frameworks/next.test.ts',
    page: 'docs/frameworks.md',
    load: () => import('./frameworks/next.ts'),
  },
  {
    name: 'undici',
    source: 'adapters/transport/undici.ts',
    factories: { undici: 'transport' },
    peers: ['undici'],
    test: 'test/adapters/transport/undici.test.ts',
    page: 'docs/servers.md',
    load: () => import('./transport/undici.ts'),
  },
  {
    name: 'messagepack',
    source: 'adapters/codecs/messagepack.ts',
    factories: { messagePack: 'codec' },
    peers: ['@msgpack/msgpack'],
    test: 'test/adapters/codecs/messagepack.test.ts',
    page: 'docs/options.md',
    load: () => import('./codecs/messagepack.ts'),
  },
]

export const ADAPTERS: readonly Adapter[] = [...LOGS, ...STORES, ...OTHERS]

export const REST_PROXIES: readonly RestProxy[] = LOGS.flatMap(({ proxies = [] }) => proxies)
