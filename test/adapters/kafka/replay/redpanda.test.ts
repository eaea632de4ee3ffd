import { describe, expect, it } from 'vitest'
import { redpanda } from '../../../../adapters/kafka/redpanda.ts'
import { logSuite } from '../../../../src/testing/log-suite.ts'
import { underTest } from './fake-proxy.ts'
import { FakeRedpanda } from './fake-redpanda.ts'
import { expected, recording, repeat } from './recording.ts'

describe('the fake Redpanda proxy answers as the tests of the real one say', () => {
  it('word for word', async () => {
    const proxy = new FakeRedpanda()
    for (const exchange of recording('redpanda')) {
      if (exchange.label === 'Produce to known topic') proxy.log.createTopic('t')
      const where = `${exchange.label} ${exchange.method} ${exchange.path}`
      expect({ where, ...(await repeat(proxy, exchange)) }).toEqual({ where, ...expected(exchange) })
    }
  })
})

logSuite({
  name: 'redpanda() over the fake proxy',
  capabilities: { identity: false, longPoll: true, readCommitted: false },
  truncates: true,
  create: () => underTest(new FakeRedpanda(), (fetch) => redpanda({ url: 'https://proxy.test', fetch })),
  describe,
  it,
  expect,
})
