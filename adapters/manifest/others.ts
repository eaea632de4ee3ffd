/** The adapters of frameworks, the transport and the codec. @module */
import type { Adapter } from './adapter.ts'

export const OTHERS: readonly Adapter[] = [
  {
    name: 'cachified',
    source: 'adapters/frameworks/cachified.ts',
    factories: { cachifiedCache: 'framework' },
    peers: ['@epic-web/cachified'],
    test: 'test/adapters/frameworks/cachified.test.ts',
    page: 'docs/frameworks.md',
    load: () => import('../frameworks/cachified.ts'),
  },
  {
    name: 'keyv',
    source: 'adapters/frameworks/keyv.ts',
    factories: { keyvStore: 'framework' },
    peers: [],
    test: 'test/adapters/frameworks/keyv.test.ts',
    page: 'docs/frameworks.md',
    load: () => import('../frameworks/keyv.ts'),
  },
  {
    name: 'unstorage',
    source: 'adapters/frameworks/unstorage.ts',
    factories: { unstorageDriver: 'framework' },
    peers: [],
    test: 'test/adapters/frameworks/unstorage.test.ts',
    page: 'docs/frameworks.md',
    load: () => import('../frameworks/unstorage.ts'),
  },
  {
    name: 'next',
    source: 'adapters/frameworks/next.ts',
    factories: { nextCacheHandler: 'framework' },
    peers: [],
    test: 'test/adapters/frameworks/next.test.ts',
    page: 'docs/frameworks.md',
    load: () => import('../frameworks/next.ts'),
  },
  {
    name: 'undici',
    source: 'adapters/transport/undici.ts',
    factories: { undici: 'transport' },
    peers: ['undici'],
    test: 'test/adapters/transport/undici.test.ts',
    page: 'docs/servers.md',
    load: () => import('../transport/undici.ts'),
  },
  {
    name: 'messagepack',
    source: 'adapters/codecs/messagepack.ts',
    factories: { messagePack: 'codec' },
    peers: ['@msgpack/msgpack'],
    test: 'test/adapters/codecs/messagepack.test.ts',
    page: 'docs/options.md',
    load: () => import('../codecs/messagepack.ts'),
  },
]
