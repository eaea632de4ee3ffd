/** A read whose token cannot be judged while the log is away may not share a load; nor may one whose isolate is killed meanwhile. */
import { describe } from 'vitest'
import { holds } from './scenario.ts'

describe('a fleet', () => {
  holds('lets a read load for itself whose token no log has judged, though its isolate is killed', {
    seed: 138001377,
    world: {
      proxy: 'memory',
      identity: true,
      evictionPartitions: 1,
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
        use: ['replicate'],
        namespaces: {},
        without: {},
        follow: true,
        share: true,
        onUnreachable: 'bypass',
        maxOutageMs: 30000,
        swrMs: 0,
        staleIfErrorMs: 0,
        timeoutMs: undefined,
        hardTimeoutMs: 3000,
        pollTimeoutMs: 2000,
        maxEntries: 10000,
        maxBytes: 32000000,
        maxRememberedEvictions: 4096,
        maxCatchUpRecords: 10000,
        maxPollBytes: 1000000,
        lookBack: 1000,
        intentsMs: 10000,
        announceExpiry: false,
        gzipAboveBytes: 1000000000,
        follows: false,
      },
    ],
    steps: [
      { at: 0, do: 'read', isolate: 0, space: 'others', key: 'a', how: 'getOrSet' },
      { at: 0, do: 'fault', fault: 'request_lost', isolate: 0, forMs: 1, amount: 1 },
      { at: 0, do: 'read', isolate: 0, space: 'rows', key: 'a', how: 'getOrSet' },
      { at: 0, do: 'read', isolate: 0, space: 'rows', key: 'a', how: 'getOrSet', after: true },
      { at: 3, do: 'fault', fault: 'killed', isolate: 0, amount: 1 },
      { at: 3, do: 'read', isolate: 0, space: 'rows', key: 'a', how: 'getOrSet' },
    ],
  })
})
