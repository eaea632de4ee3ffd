/**
 * Two isolates and one log, in one process: what one of them deletes, the other no longer serves.
 *
 * `memory()` stands in for Kafka; replace it by `gateway({ url })` and the two may be a world apart.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createCache } from 'kedge'
import { memory, MemoryLog } from 'kedge/testing'

const database = new Map([['7', { name: 'Ada', team: 'red' }]])
const load = async ({ key }: { key: string }) => database.get(key) ?? null

const log = new MemoryLog()
const isolate = () =>
  createCache({ kafka: memory({ on: log }), maxStaleness: '2s' }).namespace<{
    name: string
    team: string
  } | null>('users', {
    ttl: (user) => (user === null ? '10s' : '5m'),
    tags: (user) => (user === null ? [] : [`team:${user.team}`]),
  })
const here = isolate()
const there = isolate()

await here.getOrSet('7', load)
assert.equal((await there.getOrSet('7', load))?.name, 'Ada')

// The commit first, then the eviction: its token says how far a reader must have read to see it.
database.set('7', { name: 'Grace', team: 'red' })
const token = await here.delete('7')

// With the token at once; without one, after at most `maxStaleness`.
assert.equal((await there.getOrSet('7', load, { after: token }))?.name, 'Grace')

await here.invalidateTags('team:red')
console.log('the other isolate sees:', await there.getOrSet('7', load))
