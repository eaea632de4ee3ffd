/**
 * A process that lives long: it follows the log all the time, so that no request ever waits for a proof.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createCache } from 'kedge'
import { memory, MemoryLog } from 'kedge/testing'

const log = new MemoryLog()
const evicted: string[] = []
const cache = createCache({
  kafka: memory({ on: log }),
  onEvent: (event) =>
    event.type === 'drop' && evicted.push(`${event.namespace}/${event.key} (${event.reason})`),
})
const prices = cache.namespace<number>('prices')
const elsewhere = createCache({ kafka: memory({ on: log }) }).namespace<number>('prices')

const stop = new AbortController()
const following = cache.follow({ signal: stop.signal })
await cache.sync()

await prices.getOrSet('tea', () => 3)
await elsewhere.delete('tea')
// The long poll brings the eviction in by itself, without a read.
while (prices.peek('tea') !== undefined) await new Promise((resolve) => setTimeout(resolve, 1))
assert.deepEqual(evicted, ['prices/tea (evicted)'])

stop.abort()
await following
await cache.close()
console.log('followed the log:', evicted[0])
