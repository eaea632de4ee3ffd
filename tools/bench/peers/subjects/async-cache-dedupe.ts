/** @module */
import { createCache } from 'async-cache-dedupe'
import type { Redis } from 'ioredis'
import { SharedStore } from '../shared-store.ts'
import type { StoreClient } from '../shared-store.ts'
import { TAG, TTL_MS, turns } from '../subject.ts'
import type { Load, Process, Subject } from '../subject.ts'

function processOn(
  link: StoreClient,
  tagged: boolean,
): Process & { invalidateReference: () => Promise<void> } {
  const loads = new Map<string, Load>()
  const ttl = TTL_MS / 1000
  const cache = createCache({
    ttl,
    storage: {
      type: 'redis',
      options: { client: link as unknown as Redis, invalidation: { referencesTTL: ttl } },
    },
  }).define('row', { references: () => (tagged ? [TAG] : []) }, async (key: string): Promise<string> => {
    const load = loads.get(key)
    if (load === undefined) throw new Error(`no read asked for ${key}`)
    return load()
  })
  return {
    read(key, load) {
      loads.set(key, load)
      return cache.row(key)
    },
    invalidate: (key) => cache.clear('row', key),
    invalidateReference: () => cache.invalidateAll(TAG),
    link,
  }
}

export const asyncCacheDedupe: Subject = {
  name: 'async-cache-dedupe',
  configuration:
    'storage `redis` that the processes share (a stand-in with its commands), with `invalidation`; nothing in the memory of a process',
  workerd: { node: true, configuration: 'storage `memory`; `nodejs_compat`' },
  reach: 'store',
  async open(tagged) {
    const store = new SharedStore()
    const a = processOn(store.connect(), tagged)
    const b = processOn(store.connect(), tagged)
    return {
      a,
      b,
      invalidateTag: (at) => (at === a ? a : b).invalidateReference(),
      delivered: turns,
      close: async () => undefined,
    }
  },
}
