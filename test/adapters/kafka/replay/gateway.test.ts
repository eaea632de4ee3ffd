import { describe, expect, it } from 'vitest'
import { kafkaRest } from '../../../../adapters/kafka/kafka-rest.ts'
import { logSuite } from '../../../../src/testing/log-suite.ts'
import { overGateway } from '../../../conformance/gateway-bench.ts'

const runner = { describe, it, expect, truncates: true }

logSuite({
  ...runner,
  name: "kafkaRest({ flavor: 'gateway' })",
  capabilities: { identity: true, longPoll: true, readCommitted: true },
  create: () => overGateway((url) => kafkaRest({ url, flavor: 'gateway' })),
})
