/**
 * Two ways to fill from a neighbour and to keep up: a copy as a browser has it, and another cache.
 *
 * `node examples/bulk-refresh/run.ts --stay` leaves the server running: open the address that it prints in a browser, and
 * write and evict with the commands beside it.
 *
 * @module
 */
import assert from 'node:assert/strict'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createCache } from 'kedge'
import { gateway } from 'kedge/adapters/gateway'
import { startGateway } from 'kedge/gateway'
import { prewarmFrom } from 'kedge/replicate'
import { Copy } from './copy.js'
import { startServer } from './server.ts'

const log = await startGateway({ memory: { topics: { 'cache-evictions': 1 } } })
const server = await startServer(log.url)
const prices = server.cache.namespace<number>('prices')
await server.cache.sync()
for (const [key, price] of [
  ['tea', 3],
  ['coffee', 4],
  ['eu/milk', 1],
] as const)
  await prices.getOrSet(key, () => price)

const until = async (what: string, holds: () => boolean): Promise<void> => {
  for (let tries = 0; !holds(); tries++) {
    assert.ok(tries < 500, what)
    await sleep(20)
  }
}

// As a browser does it.
const came: string[] = []
const copy = new Copy({
  url: server.url,
  namespace: 'prices',
  onChange: ({ event }) => void (event && came.push(event)),
})
const following = copy.follow()
await until('the copy is filled', () => copy.state === 'live')
assert.deepEqual([copy.get('tea'), copy.get('coffee'), copy.get('eu/milk')], [3, 4, 1])

// As another process does it.
const other = createCache({ kafka: gateway({ url: log.url }) })
const there = other.namespace<number>('prices')
const { applied, complete } = await prewarmFrom(other, { url: server.url })
assert.deepEqual([applied, complete, there.peek('tea')], [3, true, 3])

await there.delete('tea')
await there.invalidatePrefix('eu/')
await until(
  'the copy has dropped what was evicted',
  () => copy.get('tea') === undefined && copy.get('eu/milk') === undefined,
)
assert.equal(copy.get('coffee'), 4)

const { values } = parseArgs({ options: { stay: { type: 'boolean', default: false } } })
if (values.stay) {
  console.log(`Open ${server.url}`)
  console.log(
    `curl -X PUT ${server.url}/cache/prices/tea -H 'content-type: application/json' -d '{"value":5}'`,
  )
  console.log(`curl -X DELETE ${server.url}/cache/prices/coffee`)
  await new Promise((resolve) => process.once('SIGINT', resolve))
}
copy.stop()
await following
await other.close()
await server.close()
await log.close()
console.log(`filled ${applied} values, then came ${came.slice(2).join(', ')}`)
