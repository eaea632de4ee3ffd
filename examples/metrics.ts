/**
 * The metrics of a cache, in the registry of a program that serves Prometheus already.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createCache } from 'kedge'
import { metrics } from 'kedge/adapters/prom-client'
import { memory } from 'kedge/testing'
import * as client from 'prom-client'

const cache = createCache({ kafka: memory() })
const users = cache.namespace<{ name: string }>('users')
metrics(cache, { client, group: 'shop' })

const server = createServer((_request, response) => {
  response.setHeader('content-type', client.register.contentType)
  void client.register.metrics().then((text) => response.end(text))
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const { port } = server.address() as AddressInfo

await cache.sync()
await users.getOrSet('7', () => ({ name: 'Ada' }))
await users.getOrSet('7', () => ({ name: 'Ada' }))

const scraped = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
assert.match(scraped, /^kedge_cache_hits_total 1$/m)
assert.match(scraped, /^kedge_cache_load_duration_seconds_count\{kedge_namespace="users",outcome="ok"\} 1$/m)
assert.match(
  scraped,
  /^kafka_consumer_lag\{topic="cache-evictions",consumer_group="shop",partition="0"\} 0$/m,
)

server.close()
await cache.close()
console.log('scraped:', /^kedge_cache_hits_total.*$/m.exec(scraped)![0])
