import { describe } from 'vitest'
import { holds } from './scenario.ts'

describe('an isolate whose wall clock stands still', () => {
  // It read its clocks many times in a millisecond, and lost the part of one that had passed each time.
  holds('is as old as it says', {
    seed: 95,
    world: {
      proxy: 'memory',
      identity: true,
      evictionPartitions: 1,
      latencyMs: 5,
      replicaLagMs: 0,
      loadMs: 20,
      tier: false,
      maxStalenessMs: 4000,
      ttlMs: 60000,
    },
    isolates: [
      {
        isolatesRequests: false,
        skewMs: 0,
        use: [],
        namespaces: {},
        without: {},
        follow: true,
        share: true,
        onUnreachable: 'bypass',
        maxOutageMs: 5000,
        swrMs: 0,
        staleIfErrorMs: 0,
        timeoutMs: undefined,
        hardTimeoutMs: 1500,
        pollTimeoutMs: 500,
        maxEntries: 10000,
        maxBytes: 32000000,
        maxRememberedEvictions: 4096,
        maxCatchUpRecords: 10000,
        maxPollBytes: 1000000,
        lookBack: 1000,
        intentsMs: 0,
        announceExpiry: false,
        gzipAboveBytes: 1000000000,
        follows: false,
      },
    ],
    steps: [
      { at: 0, do: 'fault', fault: 'clock_frozen', isolate: 0, forMs: 43 },
      { at: 0, do: 'fault', fault: 'empty_polls', isolate: 0, forMs: 35, amount: 100 },
      { at: 0, do: 'read', isolate: 0, space: 'rows', key: 'a', how: 'getOrSet' },
      { at: 13, do: 'fault', fault: 'recreation' },
      { at: 13, do: 'fault', fault: 'eviction_storm', isolate: 0, amount: 5 },
      { at: 35, do: 'read', isolate: 0, space: 'rows', key: 'a', how: 'getOrSet' },
    ],
  })
})
