import { describe } from 'vitest'
import { holds } from './scenario.ts'

describe('an isolate that reads its own intent by a long poll, before the intent is acknowledged', () => {
  // The checker of single flight took the namespace for one of another partition: an intent alone had shown where it lives.
  holds('loads its key apart until the position has passed the intent', {
    seed: 9657,
    world: {
      proxy: 'memory',
      identity: true,
      evictionPartitions: 3,
      latencyMs: 5,
      replicaLagMs: 0,
      loadMs: 20,
      tier: false,
      maxStalenessMs: 1000,
      ttlMs: 60000,
    },
    isolates: [
      {
        isolatesRequests: false,
        skewMs: 0,
        use: ['replicate', 'writeIntents'],
        namespaces: {},
        without: {},
        follow: true,
        share: true,
        onUnreachable: 'throw',
        maxOutageMs: 5000,
        swrMs: 0,
        staleIfErrorMs: 0,
        timeoutMs: undefined,
        hardTimeoutMs: 1500,
        pollTimeoutMs: 480,
        maxEntries: 10000,
        maxBytes: 32000000,
        maxRememberedEvictions: 4096,
        maxCatchUpRecords: 10000,
        maxPollBytes: 1000000,
        lookBack: 1000,
        intentsMs: 5000,
        announceExpiry: false,
        gzipAboveBytes: 1000000000,
        follows: true,
      },
    ],
    steps: [
      { at: 9, do: 'fault', fault: 'answer_lost', isolate: 0, forMs: 1, amount: 25 },
      { at: 9, do: 'write', isolate: 0, space: 'rows', pauseMs: 0, key: 'a', how: 'writeThrough' },
      { at: 10, do: 'read', isolate: 0, space: 'rows', key: 'a', how: 'getOrSet' },
      { at: 10, do: 'read', isolate: 0, space: 'rows', key: 'a', how: 'getOrSet' },
    ],
  })
})
