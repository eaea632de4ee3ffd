import { describe, expect, it } from 'vitest'
import { confluent } from '../../adapters/kafka/confluent.ts'
import { logSuite } from '../../src/testing/log-suite.ts'
import { overGateway } from './gateway-bench.ts'
import { SUITES } from './suites.ts'

const runner = { describe, it, expect }

logSuite({
  ...runner,
  ...SUITES.stateless,
  create: () => overGateway((url) => confluent({ url, gateway: true })),
})

logSuite({
  ...runner,
  ...SUITES.instances,
  create: () => overGateway((url) => confluent({ url })),
})

logSuite({
  ...runner,
  ...SUITES.v3,
  create: () => overGateway((url) => confluent({ url, produce: { url: `${url}/kafka`, api: 'v3' } })),
})
