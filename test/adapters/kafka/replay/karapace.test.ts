import { describe, expect, it } from 'vitest'
import { karapace } from '../../../../adapters/kafka/karapace.ts'
import { logSuite } from '../../../../src/testing/log-suite.ts'
import { underTest } from './fake-proxy.ts'
import { FakeKarapace } from './fake-karapace.ts'
import { expected, recording, repeat } from './recording.ts'

/** Another client wrote this while the recorded poll was waiting. */
const wakes = (proxy: FakeKarapace) =>
  void proxy.log.append('kp1', { key: null, value: new TextEncoder().encode('wake'), partition: 0 })

describe('the fake Karapace answers as the real one did', () => {
  it('word for word', async () => {
    const proxy = new FakeKarapace()
    proxy.log.createTopic('kp1')
    for (const exchange of recording('karapace')) {
      if (exchange.path.includes('timeout=4000')) proxy.during = () => wakes(proxy)
      const where = `${exchange.label} ${exchange.method} ${exchange.path}`
      expect({ where, ...(await repeat(proxy, exchange)) }).toEqual({ where, ...expected(exchange) })
    }
  })
})

// An empty value is refused, because Karapace acknowledges it with offset -1.
const REFUSED = 'a null value comes back empty'

for (const drops of [false, true]) {
  logSuite({
    name: drops ? 'karapace() over a fake of 5.1' : 'karapace() over a fake of 5.0',
    capabilities: { identity: false, longPoll: false, readCommitted: false },
    truncates: true,
    tombstones: false,
    create: () =>
      underTest(new FakeKarapace({ drops }), (fetch) => karapace({ url: 'https://karapace.test', fetch })),
    describe,
    it: (name, body) => {
      if (name !== REFUSED) it(name, body)
    },
    expect,
  })
}
