import { describe, expect, it } from 'vitest'
import { upstash } from '../../adapters/kafka/upstash.ts'
import { logSuite } from '../../src/testing/log-suite.ts'
import { overGateway } from './gateway-bench.ts'
import { SUITES } from './suites.ts'

logSuite({
  ...SUITES.upstash,
  create: () => overGateway((url) => upstash({ url, username: 'edge', password: 'secret', gateway: true })),
  describe,
  it,
  expect,
})
