/**
 * A Keyv store over kedge: sessions whose truth is the log. What one isolate sets or deletes, no other serves any more.
 *
 * Run: `node examples/keyv.ts`
 */
import { createCache } from 'kedge'
import { keyvStore } from 'kedge/adapters/keyv'
import { memory, MemoryLog } from 'kedge/testing'
import { Keyv } from 'keyv'
import { replicate } from 'kedge/replicate'

const log = new MemoryLog()

/** `replicate`: isolates get each other's values, by the updates topic. */
function isolate() {
  const cache = createCache({ kafka: memory({ on: log }), use: [replicate()] })
  return { cache, sessions: new Keyv({ store: keyvStore(cache.namespace('sessions')) }) }
}
const here = isolate()
const there = isolate()
await Promise.all([here.cache.sync(), there.cache.sync()])

await here.sessions.set('s1', { user: '7' }, 60_000)
await there.cache.sync() // `cache.for(context)` or the middleware does this in a request
console.log('there:', await there.sessions.get('s1'))

await there.sessions.delete('s1')
await here.cache.sync()
console.log('here, after it was deleted there:', await here.sessions.get('s1'))

if ((await here.sessions.get('s1')) !== undefined) throw new Error('that was not what the text says')
