/**
 * A tier between the isolates and the source: what one isolate has loaded, another one takes from there, and an
 * isolate that has just started too, because a tier follower keeps the tier up with the log.
 *
 * `memoryTier()` stands in for `redisTier(…)`, `memory()` for Kafka.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createCache } from 'kedge'
import { createTierFollower } from 'kedge/sync'
import { memory, MemoryLog, memoryTier } from 'kedge/testing'
import { sharedTier } from 'kedge/tier'

const log = new MemoryLog()
const tier = memoryTier()

// In a process of its own: `follower.follow({ signal })`; as a cron or a Lambda: a step now and then.
const follower = createTierFollower({ kafka: memory({ on: log }), tier })
await follower.step()

let reads = 0
const database = new Map([['7', 'Ada']])
const load = async ({ key }: { key: string }) => {
  reads++
  return database.get(key) ?? null
}
/** An isolate that looks back at nothing: it knows only the evictions that the tier has applied. */
const isolate = async () => {
  const cache = createCache({ kafka: memory({ on: log }), use: [sharedTier(tier, { lookBack: 0 })] })
  const users = cache.namespace<string | null>('users')
  await cache.sync()
  return { cache, users }
}

const { users } = await isolate()
await users.getOrSet('7', load)
await users.delete('another')

// This isolate has not read that eviction, and the tier has not applied it: it could be one of this key.
const early = await isolate()
assert.equal((await early.users.getEntry('7', load)).from, 'loader')

await users.delete('8')
await follower.step()
const late = await isolate()
const entry = await late.users.getEntry('7', load)
assert.deepEqual([entry.value, entry.from, reads], ['Ada', 'tier', 2])

// An evicted value is gone for all of them, whichever isolate read the eviction first.
database.set('7', 'Grace')
const token = await users.delete('7')
assert.equal(await late.users.getOrSet('7', load, { after: token }), 'Grace')
console.log('of the tier:', late.cache.stats().tierHits, 'hit,', late.cache.stats().tierMisses, 'miss')
