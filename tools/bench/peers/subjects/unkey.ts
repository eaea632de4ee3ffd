/** @module */
import { createCache, Namespace } from '@unkey/cache'
import type { Entry, Store } from '@unkey/cache/stores'
import { MemoryStore } from '@unkey/cache/stores'
import { TTL_MS, turns } from '../subject.ts'
import type { Process, Subject } from '../subject.ts'

type Rows = Map<string, { expires: number; entry: Entry<string> }>

/** A process of its own memory, before a store that all share: a memory store, too, whose map they share. */
function processOn(shared: Rows): Process {
  const background = new Set<Promise<unknown>>()
  const context = {
    waitUntil(work: Promise<unknown>) {
      background.add(work)
    },
  }
  const stores: Store<string, string>[] = [
    new MemoryStore<string, string>({ persistentMap: new Map() }),
    new MemoryStore<string, string>({ persistentMap: shared }),
  ]
  const cache = createCache({
    rows: new Namespace<string>(context, { stores, fresh: TTL_MS, stale: TTL_MS }),
  })
  return {
    async read(key, load) {
      const { val, err } = await cache.rows.swr(key, load)
      if (err) throw err
      if (val === undefined || val === null) throw new Error('nothing was loaded')
      await Promise.all(background)
      return val
    },
    async invalidate(key) {
      const { err } = await cache.rows.remove(key)
      if (err) throw err
    },
  }
}

export const unkey: Subject = {
  name: '@unkey/cache',
  configuration:
    'tiered: a memory store in each process, then a store that both share; no way to tell other processes',
  workerd: {
    node: true,
    configuration:
      '`swr` on a memory store; `waitUntil` of the request, by `AsyncLocalStorage`; `nodejs_compat`',
  },
  reach: 'none',
  async open() {
    const shared: Rows = new Map()
    return {
      a: processOn(shared),
      b: processOn(shared),
      delivered: turns,
      close: async () => undefined,
    }
  },
}
