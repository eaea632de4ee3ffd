/** A credential that may not write what asks a loader service: the gateway refuses it, and the cache says so. */
import { expect, it } from 'vitest'
import { gateway } from '../../../adapters/kafka/gateway.ts'
import { memoryCluster, startGateway } from '../../../services/gateway/index.ts'
import { createCache } from '../../../src/index.ts'
import type { KedgeEvent } from '../../../src/index.ts'
import { viaLoader } from '../../../src/loader-client/index.ts'
import { MemoryLog } from '../../../src/testing/index.ts'

it('is an event and counted, and the miss is loaded here', async () => {
  const topics = { 'cache-evictions': 1, 'cache-updates': 1, 'cache-requests': 1 }
  const credentials = [{ name: 'edge', token: 'edge-token', topics: ['cache-evictions', 'cache-updates'] }]
  const running = await startGateway({
    cluster: memoryCluster(new MemoryLog({ topics })),
    auth: { credentials },
  })
  const events: KedgeEvent[] = []
  const cache = createCache({
    kafka: gateway({ url: running.url, auth: { token: 'edge-token' } }),
    // However busy the machine is.
    pollTimeout: '20s',
    hardTimeout: '40s',
    onEvent: (event) => void events.push(event),
  })
  try {
    const users = cache.namespace<string>('users')
    await cache.sync()
    expect(
      await users.getOrSet(
        '1',
        viaLoader(() => 'own', { wait: '20s' }),
      ),
    ).toBe('own')
    const error = expect.objectContaining({ code: 'ERR_AUTH', retryable: false }) as unknown
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'ask', answered: 0, because: 'failed', error }),
    )
    expect(events).toContainEqual({
      type: 'publish_failed',
      topic: 'cache-requests',
      error,
      durationMs: expect.any(Number) as number,
    })
    expect(cache.stats()).toMatchObject({ answered: 0, askFailures: 1, loads: 1 })
  } finally {
    await cache.close()
    await running.close()
  }
})
