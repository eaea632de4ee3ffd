/**
 * Two caches over an adapter of one's own: what the one evicts, the other does not serve any more.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createCache } from 'kedge'
import { jsonLog } from './json-log.ts'
import { startLogServer } from './server.ts'

const server = await startLogServer()
server.log.createTopic('cache-evictions')

const isolate = () => createCache({ kafka: jsonLog({ url: server.url }) })
const [here, there] = [isolate(), isolate()]
const prices = here.namespace<number>('prices')
await here.sync()

assert.equal(await prices.getOrSet('tea', () => 3), 3)
const token = await there.namespace<number>('prices').delete('tea')
assert.equal(await prices.get('tea', { after: token }), undefined)
assert.equal(await prices.getOrSet('tea', () => 4, { after: token }), 4)

await Promise.all([here.close(), there.close()])
await server.close()
console.log('evicted over', server.url)
