import { describe, expect, it } from 'vitest'
import { confluent } from '../../adapters/kafka/confluent.ts'
import { gateway } from '../../adapters/kafka/gateway.ts'
import { logSuite } from '../../src/testing/log-suite.ts'
import { overGateway } from './gateway-bench.ts'
import { SUITES } from './suites.ts'

/** As Confluent Cloud's, which takes records and returns none. */
const writer = (url: string) => confluent({ url: `${url}/kafka`, produce: { api: 'v3' } })

// By itself: `adapters.test.ts`.
logSuite({
  ...SUITES.stateless,
  name: 'gateway() that another log writes for',
  create: () => overGateway((url) => gateway({ url, produce: writer(url) })),
  describe,
  it,
  expect,
})
