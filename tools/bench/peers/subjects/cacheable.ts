/** @module */
import { Cacheable } from 'cacheable'
import type { CacheableOptions } from 'cacheable'
import { Hub } from '../hub.ts'
import type { HubClient } from '../hub.ts'
import { TAG, TTL_MS, turns } from '../subject.ts'
import type { Load, Process, Subject } from '../subject.ts'

type Sync = NonNullable<CacheableOptions['sync']>
type Provider = Exclude<
  Extract<Sync, { qified: unknown }>['qified'],
  { messageProviders: unknown } | unknown[]
>

/** What the message provider for Redis is, on the hub instead. */
function providerOn(client: HubClient): Provider {
  return {
    id: 'hub',
    subscriptions: new Map(),
    publish: (topic, message) => client.publish(topic, { ...message, providerId: 'hub' }),
    async subscribe(topic, { handler }) {
      client.subscribe(topic, (message) => void handler(message as Parameters<typeof handler>[0]))
    },
    unsubscribe: async (topic) => client.unsubscribe(topic),
    disconnect: async () => undefined,
  }
}

/** `getOrSet` takes no tags, `set` does. */
async function readTagged(cache: Cacheable, key: string, load: Load): Promise<string> {
  const held = await cache.get<string>(key)
  if (held !== undefined) return held
  const value = await load()
  await cache.set(key, value, { tags: [TAG] })
  return value
}

export const cacheable: Subject = {
  name: 'cacheable',
  configuration: 'memory in each process and `sync`; `tags: true` for tags, set by `get`, load and `set`',
  workerd: { node: true, configuration: '`getOrSet` on its memory; `nodejs_compat`' },
  reach: 'bus',
  async open(tagged) {
    const hub = new Hub()
    const open = (): { cache: Cacheable; process: Process } => {
      const link = hub.connect()
      const cache = new Cacheable({ ttl: TTL_MS, sync: { qified: providerOn(link) }, tags: tagged })
      const process: Process = {
        async read(key, load) {
          if (tagged) return readTagged(cache, key, load)
          const value = await cache.getOrSet(key, load, { throwErrors: true })
          if (value === undefined) throw new Error('nothing was loaded')
          return value
        },
        invalidate: async (key) => void (await cache.delete(key)),
        link,
      }
      return { cache, process }
    }
    const a = open()
    const b = open()
    return {
      a: a.process,
      b: b.process,
      async invalidateTag(at) {
        await (at === a.process ? a : b).cache.tags.invalidateTag(TAG)
      },
      delivered: turns,
      async close() {
        await a.cache.disconnect()
        await b.cache.disconnect()
      },
    }
  },
}
