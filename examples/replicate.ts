/**
 * Values that travel: what one isolate sets, the others hold without a source of their own, and an isolate that
 * starts later takes it over.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createCache } from 'kedge'
import { memory, MemoryLog } from 'kedge/testing'
import * as z from 'zod'
import { prewarm, replicate } from 'kedge/replicate'

const log = new MemoryLog()
const isolate = () => createCache({ kafka: memory({ on: log }), use: [replicate()], ttl: '1h' })

// What comes from the log is a stranger's data: the schema checks it.
const Session = z.object({ user: z.string() })

const first = isolate().namespace('sessions', { schema: Session })
await first.set('s1', { user: 'ada' })

const cache = isolate()
const later = cache.namespace('sessions', { schema: Session })
const { applied } = await prewarm(cache, { maxRecords: 1000, budget: '1s' })
assert.equal(applied, 1)
assert.deepEqual(later.peek('s1'), { user: 'ada' })

await first.delete('s1')
await cache.sync()
assert.equal(later.peek('s1'), undefined)
console.log('taken over, and gone when it was deleted')
