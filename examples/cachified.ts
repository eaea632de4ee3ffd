/**
 * `@epic-web/cachified` over kedge: an app keeps its calls of `cachified()`, and an eviction from any isolate reaches them.
 *
 * Run: `node examples/cachified.ts`
 */
import { cachified } from '@epic-web/cachified'
import { createCache } from 'kedge'
import { type CachifiedEntry, cachifiedCache } from 'kedge/adapters/cachified'
import { memory, MemoryLog } from 'kedge/testing'

const db = new Map([['7', 'Ada']])
let reads = 0

const log = new MemoryLog()
const here = createCache({ kafka: memory({ on: log }) })
const users = here.namespace<CachifiedEntry>('users')
const there = createCache({ kafka: memory({ on: log }) }).namespace('users')

const cache = cachifiedCache(users, { swr: '30s' })
const userOf = (id: string): Promise<string | undefined> =>
  cachified({
    cache,
    key: id,
    ttl: 60_000,
    getFreshValue: () => {
      reads++
      return db.get(id)
    },
  })

await here.sync()
console.log(await userOf('7'), await userOf('7'), `after ${reads} read of the source`)

// Another isolate writes: the commit, then the eviction.
db.set('7', 'Grace')
await there.delete('7')
await here.sync() // `cache.for(context)` or the middleware does this in a request

console.log(await userOf('7'), await userOf('7'), `after ${reads} reads`)
// One read for each name; a process that was held up at the wrong moment may need one more.
if ((await userOf('7')) !== 'Grace' || reads > 4) throw new Error('that was not what the text says')
