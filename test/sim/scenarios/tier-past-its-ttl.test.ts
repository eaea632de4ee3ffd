import { describe } from 'vitest'
import { holds } from './scenario.ts'

describe('an isolate that a shared tier answers late', () => {
  // The namespace keeps values past their TTL for `staleIfError`. One that came from the tier was held for that, and
  // served as fresh.
  holds('serves no value of the tier whose TTL is over', {
    seed: 12610,
    world: {
      proxy: 'memory',
      identity: true,
      evictionPartitions: 1,
      latencyMs: 5,
      replicaLagMs: 0,
      loadMs: 20,
      tier: true,
      maxStalenessMs: 1000,
      ttlMs: 2500,
    },
    isolates: [
      {
        isolatesRequests: false,
        skewMs: 0,
        use: ['sharedTier', 'writeIntents'],
        namespaces: {},
        without: {},
        follow: true,
        share: true,
        onUnreachable: 'throw',
        maxOutageMs: 1000,
        swrMs: 0,
        staleIfErrorMs: 8000,
        timeoutMs: undefined,
        hardTimeoutMs: 1500,
        pollTimeoutMs: 1080,
        maxEntries: 10000,
        maxBytes: 32000000,
        maxRememberedEvictions: 4096,
        maxCatchUpRecords: 10000,
        maxPollBytes: 1000000,
        lookBack: 1000,
        intentsMs: 2000,
        announceExpiry: false,
        gzipAboveBytes: 1000000000,
        follows: false,
      },
    ],
    steps: [
      { at: 0, do: 'fault', fault: 'tier_late', forMs: 13, amount: 360 },
      { at: 0, do: 'read', isolate: 0, space: 'rows', key: 'c', how: 'getOrSet' },
      { at: 2700, do: 'read', isolate: 0, space: 'rows', key: 'c', how: 'getOrSet' },
    ],
  })
})
