/** The adapters of logs. @module */
import type { LogCapabilities } from '../../src/ports/kafka-log.ts'
import type { Adapter } from './adapter.ts'

const NOTHING: LogCapabilities = { identity: false, longPoll: false, readCommitted: false }
const LONG_POLL: LogCapabilities = { ...NOTHING, longPoll: true }
const COMMITTED: LogCapabilities = { ...LONG_POLL, readCommitted: true }
const ALL: LogCapabilities = { ...COMMITTED, identity: true }

const REPLAY = 'test/adapters/kafka/replay'
const NOBODY = { username: 'nobody', password: 'none' }

export const LOGS: readonly Adapter[] = [
  {
    name: 'gateway',
    source: 'adapters/kafka/gateway.ts',
    factories: { gateway: 'log' },
    peers: [],
    test: 'test/conformance/gateway.test.ts',
    page: 'docs/adapters.md',
    load: () => import('../kafka/gateway.ts'),
    proxies: [
      {
        proxy: 'kedge gateway',
        call: 'gateway({ url })',
        flavor: 'gateway',
        recognised: true,
        alone: true,
        gatewayToo: true,
        capabilities: ALL,
        tombstones: true,
        open: async (at) => (await import('../kafka/gateway.ts')).gateway(at),
      },
      {
        proxy: 'Confluent Cloud',
        call: 'gateway({ url, produce })',
        recognised: false,
        alone: false,
        gatewayToo: true,
        capabilities: undefined,
        tombstones: true,
      },
    ],
  },
  {
    name: 'confluent',
    source: 'adapters/kafka/confluent.ts',
    factories: { confluent: 'log' },
    peers: [],
    test: 'test/conformance/confluent.test.ts',
    page: 'docs/adapters.md',
    load: () => import('../kafka/confluent.ts'),
    proxies: [
      {
        proxy: 'Confluent REST Proxy',
        call: 'confluent({ url })',
        flavor: 'confluent',
        recognised: true,
        alone: true,
        gatewayToo: true,
        capabilities: NOTHING,
        tombstones: true,
        open: async (at) => (await import('../kafka/confluent.ts')).confluent(at),
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
    load: () => import('../kafka/strimzi.ts'),
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
        open: async (at) => (await import('../kafka/strimzi.ts')).strimzi(at),
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
    load: () => import('../kafka/karapace.ts'),
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
        open: async (at) => (await import('../kafka/karapace.ts')).karapace(at),
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
    load: () => import('../kafka/redpanda.ts'),
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
        open: async (at) => (await import('../kafka/redpanda.ts')).redpanda(at),
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
    load: () => import('../kafka/warpstream.ts'),
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
        open: async (at) => (await import('../kafka/warpstream.ts')).warpstream(at),
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
    load: () => import('../kafka/upstash.ts'),
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
          (await import('../kafka/upstash.ts')).upstash({ ...at, ...auth }),
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
    load: () => import('../kafka/kafka-rest.ts'),
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
        open: async (at) => (await import('../kafka/kafka-rest.ts')).kafkaRest(at),
      },
    ],
  },
]
