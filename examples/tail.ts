/**
 * One proof for many isolates: a gateway samples the evictions topic for a hundred caches.
 *
 * ```
 * node examples/tail.ts
 * ```
 */
import { createCache } from 'kedge'
import { gateway } from 'kedge/adapters/gateway'
import { tail } from 'kedge/adapters/tail'
import { memoryCluster, startGateway } from 'kedge/gateway'
import { MemoryLog } from 'kedge/testing'

const cluster = memoryCluster(new MemoryLog({ topics: { 'cache-evictions': 1 } }))
let samples = 0
const counted = new Proxy(cluster, {
  get(target, name) {
    if (name === 'offsets') samples++
    const value: unknown = Reflect.get(target, name, target)
    return typeof value === 'function' ? (value.bind(target) as unknown) : value
  },
})
const server = await startGateway({ cluster: counted, port: 0 })

const caches = Array.from({ length: 100 }, () =>
  createCache({
    kafka: tail({ origin: gateway({ url: server.url }), url: server.url }),
    maxStaleness: '1s',
    refreshAfter: '250ms',
  }),
)
const users = caches.map((cache) => cache.namespace<string>('users'))
await Promise.all(users.map((each) => each.getOrSet('7', () => 'Ada')))

samples = 0
let reads = 0
const until = Date.now() + 2000
while (Date.now() < until) {
  await Promise.all(users.map((each) => each.get('7')))
  reads += users.length
  await new Promise((resolve) => setTimeout(resolve, 50))
}
const polls = caches.reduce((sum, cache) => sum + cache.stats().polls, 0)
console.log(`${reads} reads of 100 caches, ${polls} polls, ${samples} samples of the log in two seconds`)
if (samples > 20) throw new Error('the log was asked for more than a tail needs')

await users[0]!.delete('7')
await new Promise((resolve) => setTimeout(resolve, 1100))
const left = await Promise.all(users.map((each) => each.get('7')))
console.log(
  `${left.filter((value) => value !== undefined).length} of 100 caches still serve what was evicted 1.1 s ago`,
)
if (left.some((value) => value !== undefined)) throw new Error('a cache serves what was evicted')

await Promise.all(caches.map((cache) => cache.close()))
await server.close()
