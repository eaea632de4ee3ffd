import { describe, expect, it } from 'vitest'
import { upstash } from '../../adapters/upstash.ts'
import { logSuite } from '../../src/testing/log-suite.ts'
import { overGateway } from './gateway-bench.ts'

logSuite({
  name: 'upstash()',
  capabilities: { identity: true, longPoll: true, readCommitted: false },
  truncates: true,
  // The protocol has no null.
  tombstones: false,
  create: () => overGateway((url) => upstash({ url, username: 'edge', password: 'secret', gateway: true })),
  describe,
  it,
  expect,
})
