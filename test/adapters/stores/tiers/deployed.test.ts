import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundle } from '../../../runtime/bundle.ts'
import { Client } from '../../../worker/miniflare-client.ts'
import { until } from '../../../worker/miniflare-until.ts'
import { startWorld, type World } from '../../../worker/miniflare-world.ts'
import { type Isolates, startIsolates } from './isolates.ts'

const ENTRY = new URL('../../../../worker/cloudflare.ts', import.meta.url)

describe.each(['workers-kv', 'cache-api'])('the worker as it is deployed, with the tier %s', (tier) => {
  let world: World
  let isolates: Isolates
  let one: Client
  let two: Client

  beforeAll(async () => {
    world = await startWorld()
    const { code } = await bundle(ENTRY, { external: ['cloudflare:*'] })
    isolates = await startIsolates(code, ['one', 'two'], {
      KAFKA_REST_URL: world.gateway.url,
      KAFKA_FLAVOR: 'gateway',
      ORIGIN_URL: world.source.url,
      ORIGIN_FORMAT: 'envelope',
      NAMESPACES: 'rows',
      AUTH: 'open',
      TTL: '1h',
      POLL_TIMEOUT: '5s',
      TIER: tier,
      TIER_PREFIX: 'shop',
    })
    ;[one, two] = isolates.urls.map((url) => new Client(url)) as [Client, Client]
    for (const client of [one, two]) {
      await until(async () => (await client.ask('/readyz')).status === 200, 'the isolate is ready')
    }
  })
  afterAll(async () => {
    await isolates?.close()
    await world?.close()
  })

  it('has an isolate take what another one has loaded, and nothing that was evicted', async () => {
    let key = ''
    let tries = 0
    // A tier that is slower than its time is left for the origin: where a test is loaded, more than once.
    await until(async () => {
      key = `k${tries++}`
      world.source.rows.set(key, 'first')
      await one.ask(`/cache/rows/${key}`)
      const { cacheStatus, value } = await two.ask(`/cache/rows/${key}`)
      expect(value).toBe('first')
      return cacheStatus.includes('detail=tier')
    }, 'a value comes from the tier')
    world.source.rows.set(key, 'second')
    const { token } = await one.ask('/evictions', {
      method: 'POST',
      body: { namespace: 'rows', keys: [key] },
    })
    expect((await two.ask(`/cache/rows/${key}`, { after: token })).value).toBe('second')
    expect((await one.ask(`/cache/rows/${key}`, { after: token })).value).toBe('second')
  })
})
