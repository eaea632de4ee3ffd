/**
 * Caches that hold nothing yet, each with a loader: how one key is read, and how many.
 *
 * @module
 */
import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { Cacheable } from 'cacheable'
import { Loader } from 'layered-loader/core'
import { LRUCache } from 'lru-cache'
import { kedgeOf } from '../subjects.ts'

/** Loads the key's value, which is the key. */
export type Load = (key: string) => Promise<string>

type Read = (key: string) => Promise<unknown>

/** Reads so many keys with one call, and resolves with how many values there were. */
export type ReadMany = (keys: readonly string[]) => Promise<number>

export type MakeReader<R = Read> = (load: Load, entries: number) => Promise<R>

const LONG_MS = 3_600_000

async function kedgeReading(entries: number) {
  const cache = kedgeOf(entries)
  const users = cache.namespace<string>('users')
  // The first contact with the log is not to be measured.
  await cache.sync()
  return users
}

const loaderOf = (load: Load, maxItems: number): Loader<string> =>
  new Loader<string>({
    inMemoryCache: { cacheType: 'lru-object', maxItems, ttlInMsecs: LONG_MS },
    dataSourceGetOneFn: load,
  })

export const READERS = {
  'async function': async (load, entries) => {
    const map = new Map<string, string>()
    return async (key) => {
      let value = map.get(key)
      if (value !== undefined) return value
      value = await load(key)
      map.set(key, value)
      if (map.size > entries) map.delete(map.keys().next().value!)
      return value
    }
  },
  'lru-cache fetch, ttl': async (load, max) => {
    const lru = new LRUCache<string, string>({ max, ttl: LONG_MS, fetchMethod: (key) => load(key) })
    return (key) => lru.fetch(key)
  },
  'layered-loader get': async (load, maxItems) => {
    const loader = loaderOf(load, maxItems)
    return (key) => loader.get(key)
  },
  'bentocache getOrSet': async (load, maxItems) => {
    const memory = bentostore().useL1Layer(memoryDriver({ maxItems }))
    const bento = new BentoCache({ default: 'memory', stores: { memory } })
    return (key) => bento.getOrSet({ key, factory: () => load(key), ttl: '1h' })
  },
  'cacheable getOrSet': async (load) => {
    const cache = new Cacheable()
    return (key) => cache.getOrSet(key, () => load(key), { ttl: LONG_MS })
  },
  'kedge getOrSet': async (load, entries) => {
    const users = await kedgeReading(entries)
    return (key) => users.getOrSet(key, () => load(key))
  },
} satisfies Readonly<Record<string, MakeReader>>

export type ReaderName = keyof typeof READERS

export const MANY_READERS = {
  'async function': async (load, entries) => {
    const map = new Map<string, string>()
    return async (keys) => {
      const missing = keys.filter((key) => !map.has(key))
      for (const [key, value] of await loadMany(load, missing)) map.set(key, value)
      while (map.size > entries) map.delete(map.keys().next().value!)
      return missing.length
    }
  },
  'layered-loader getMany': async (load, maxItems) => {
    const loader = new Loader<string>({
      inMemoryCache: { cacheType: 'lru-object', maxItems, ttlInMsecs: LONG_MS },
      dataSourceGetManyFn: async (keys) => [...(await loadMany(load, keys)).values()],
      cacheKeyFromValueResolver: (value) => value,
    })
    return async (keys) => (await loader.getMany([...keys])).length
  },
  'kedge getOrSetMany': async (load, entries) => {
    const users = await kedgeReading(entries)
    return async (keys) => (await users.getOrSetMany(keys, (missing) => loadMany(load, missing))).size
  },
} satisfies Readonly<Record<string, MakeReader<ReadMany>>>

export type ManyReaderName = keyof typeof MANY_READERS

async function loadMany(load: Load, keys: readonly string[]): Promise<Map<string, string>> {
  const values = await Promise.all(keys.map(load))
  return new Map(keys.map((key, at) => [key, values[at]!]))
}
