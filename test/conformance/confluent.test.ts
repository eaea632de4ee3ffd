import { describe, expect, it } from 'vitest'
import { confluent } from '../../adapters/confluent.ts'
import { logSuite } from '../../src/testing/log-suite.ts'
import { overGateway } from './gateway-bench.ts'

const runner = { describe, it, expect, truncates: true }
const overInstances = { identity: false, longPoll: false, readCommitted: false }

logSuite({
  ...runner,
  name: 'confluent() with stateless reads',
  capabilities: { identity: true, longPoll: true, readCommitted: false },
  create: () => overGateway((url) => confluent({ url, gateway: true })),
})

logSuite({
  ...runner,
  name: 'confluent() with consumer instances',
  capabilities: overInstances,
  create: () => overGateway((url) => confluent({ url })),
})

logSuite({
  ...runner,
  name: 'confluent() with v3 produce',
  capabilities: overInstances,
  create: () => overGateway((url) => confluent({ url, produce: { url: `${url}/kafka`, api: 'v3' } })),
})
