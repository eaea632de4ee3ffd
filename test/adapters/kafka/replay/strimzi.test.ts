import { describe, expect, it } from 'vitest'
import { strimzi } from '../../../../adapters/kafka/strimzi.ts'
import { logSuite } from '../../../../src/testing/log-suite.ts'
import { underTest } from './fake-proxy.ts'
import { FakeStrimzi } from './fake-strimzi.ts'
import { expected, recording, repeat } from './recording.ts'

/** Another client wrote this while the recorded poll was waiting. */
const wakes = (proxy: FakeStrimzi) => {
  const bytes = (text: string) => new TextEncoder().encode(text)
  proxy.log.append('sb1', { key: bytes('lp'), value: bytes('wake'), partition: 0 })
}

describe('the fake Strimzi bridge answers as the real one did', () => {
  it.each([
    ['strimzi-produce', 'strimzi-consumers'],
    ['strimzi-produce', 'strimzi-policies'],
  ])('%s, then %s', async (...names) => {
    const proxy = new FakeStrimzi(false)
    for (const name of names) {
      for (const exchange of recording(name)) {
        // Topics of another tenant, and a consumer that had expired.
        if (exchange.path === '/topics' || exchange.path.includes('/instances/cf/')) continue
        if (exchange.path.endsWith('timeout=10000')) wakes(proxy)
        const where = `${name}: ${exchange.label} ${exchange.method} ${exchange.path}`
        expect({ where, ...(await repeat(proxy, exchange)) }).toEqual({ where, ...expected(exchange) })
      }
    }
  })
})

logSuite({
  name: 'strimzi() over the fake bridge',
  capabilities: { identity: false, longPoll: true, readCommitted: true },
  truncates: true,
  tombstones: false,
  create: () => underTest(new FakeStrimzi(true), (fetch) => strimzi({ url: 'https://bridge.test', fetch })),
  describe,
  it,
  expect,
})
