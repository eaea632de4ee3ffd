/**
 * The events of a cache as lines of JSON: what goes wrong in full, and of what is usual a share.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createCache } from 'kedge'
import { logEvents } from 'kedge/adapters/log-events'
import { memory } from 'kedge/testing'

const lines: string[] = []
const onEvent = logEvents({
  log: (line) => {
    lines.push(line)
    console.log(line)
  },
  sample: { hit: 0.01, load: 1 },
  fields: { service: 'shop' },
})
const cache = createCache({ kafka: memory(), ttl: '1h', onEvent })
const users = cache.namespace<{ name: string }>('users')

await cache.sync()
for (let n = 0; n < 201; n++) await users.getOrSet('7', () => ({ name: 'Ada' }))
await users.getOrSet('8', () => Promise.reject(new Error('the database is away'))).catch(() => undefined)

const told = lines.map((line) => JSON.parse(line) as { event: string; level: string })
assert.equal(told.filter(({ event }) => event === 'hit').length, 2)
assert.equal(told.filter(({ event, level }) => event === 'load' && level === 'debug').length, 1)
assert.equal(told.filter(({ event, level }) => event === 'load' && level === 'error').length, 1)
assert.ok(lines.every((line) => !line.includes('Ada')))

onEvent.flush()
await cache.close()
