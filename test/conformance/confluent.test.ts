import { describe, expect, it } from 'vitest'
import { confluent } from '../../adapters/kafka/confluent.ts'
import { logSuite } from '../../src/testing/log-suite.ts'
import { overGateway } from './gateway-bench.ts'
import { SUITES } from './suites.ts'

// By v2, with consumer instances and without: `adapters.test.ts`.
logSuite({
  ...SUITES.v3,
  create: () => overGateway((url) => confluent({ url, produce: { url: `${url}/kafka`, api: 'v3' } })),
  describe,
  it,
  expect,
})
