/** @module */
import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { Hub } from '../hub.ts'
import type { HubClient } from '../hub.ts'
import { TAG, TTL_MS, turns } from '../subject.ts'
import type { Process, Subject } from '../subject.ts'

type Bus = Parameters<ReturnType<typeof bentostore>['useBus']>[0]

/** What `redisBusDriver` makes, on the hub instead of Redis. */
function busOn(client: HubClient): Bus {
  const transport: ReturnType<Bus['factory']> = {
    setId: () => transport,
    onReconnect: (callback) => client.onBack(callback),
    publish: (channel, message) => client.publish(channel, message),
    async subscribe(channel, handler) {
      client.subscribe(channel, (message) => void handler(message as Parameters<typeof handler>[0]))
    },
    unsubscribe: async (channel) => client.unsubscribe(channel),
    disconnect: async () => undefined,
  }
  return { options: {}, factory: () => transport }
}

export const bentocache: Subject = {
  name: 'bentocache',
  configuration: 'memory driver in each process and a bus, its retry queue as it is by default; tags',
  workerd: { node: true, configuration: 'memory driver; `nodejs_compat`' },
  reach: 'bus',
  async open(tagged) {
    const hub = new Hub()
    const open = (): { cache: BentoCacheOf; process: Process } => {
      const link = hub.connect()
      const cache = cacheOn(link)
      const tags = tagged ? [TAG] : []
      const process: Process = {
        read: (key, load) => cache.getOrSet({ key, factory: load, tags }),
        invalidate: async (key) => void (await cache.delete({ key })),
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
        await (at === a.process ? a : b).cache.deleteByTag({ tags: [TAG] })
      },
      delivered: turns,
      async close() {
        await a.cache.disconnectAll()
        await b.cache.disconnectAll()
      },
    }
  },
}

type BentoCacheOf = ReturnType<typeof cacheOn>

function cacheOn(link: HubClient) {
  const store = bentostore().useL1Layer(memoryDriver()).useBus(busOn(link))
  return new BentoCache({ default: 'rows', stores: { rows: store }, ttl: TTL_MS })
}
