/**
 * A program with a cache, as users have one: it asks a loader service, shares a tier, writes behind, and serves what its
 * cache counts. `node program.ts URL-OF-THE-GATEWAY PORT-OF-REDIS`
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import * as client from 'prom-client'
import { gateway } from '../../../adapters/kafka/gateway.ts'
import { metrics } from '../../../adapters/metrics/prom-client.ts'
import { ioredis, redisTier } from '../../../adapters/stores/redis.ts'
import { createCache } from '../../../src/index.ts'
import { viaLoader } from '../../../src/loader-client/index.ts'
import { sharedTier } from '../../../src/tier/index.ts'
import { writeBehind, writeIntents } from '../../../src/write-paths/index.ts'

const [url = '', redis = ''] = process.argv.slice(2)
const cache = createCache({
  kafka: gateway({ url }),
  pollTimeout: '5s',
  use: [sharedTier(redisTier(ioredis(new Redis(Number(redis))))), writeIntents()],
})
metrics(cache, { client, group: 'shop' })
const users = cache.namespace<object>('users')
const orders = cache.namespace<object>('orders')
const load = viaLoader(async (): Promise<object> => ({ by: 'this program' }), { wait: '2s' })

const server = createServer((_, response) => {
  response.setHeader('content-type', client.register.contentType)
  void client.register.metrics().then((text) => response.end(text))
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
await cache.sync()
process.stdout.write(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)

void cache.follow({ signal: new AbortController().signal })
for (let round = 0; ; round++) {
  const key = `${round}`
  for (let read = 0; read < 3; read++) await users.getOrSet(key, load)
  await users.getOrSet('broken', () => Promise.reject(new Error('the source is away'))).catch(() => undefined)
  await writeBehind(orders, `${round % 10}`, { round })
  await users.delete(key)
  await sleep(200)
}
