/**
 * How many bytes of heap an entry takes beside its key and its value.
 *
 * @module
 */
import { Loader } from 'layered-loader/core'
import { LRUCache } from 'lru-cache'
import QuickLRU from 'quick-lru'
import { kedgeOf } from './subjects.ts'
import { keyOf, valueOf } from './workload.ts'
import type { Value } from './workload.ts'

/** One store in one round. */
export interface WeightSample {
  readonly bytesPerEntry: number
}

/** An empty store for so many entries, and how it is filled. */
type MakeStore = (entries: number) => Promise<(key: string, value: Value) => unknown>

const LONG_MS = 3_600_000

export const STORES: Readonly<Record<string, MakeStore>> = {
  Map: async () => {
    const map = new Map<string, Value>()
    return (key, value) => map.set(key, value)
  },
  'quick-lru': async (entries) => {
    const lru = new QuickLRU<string, Value>({ maxSize: entries + 1 })
    return (key, value) => lru.set(key, value)
  },
  'lru-cache': async (entries) => {
    const lru = new LRUCache<string, Value>({ max: entries })
    return (key, value) => lru.set(key, value)
  },
  'lru-cache, ttl': async (entries) => {
    const lru = new LRUCache<string, Value>({ max: entries, ttl: LONG_MS })
    return (key, value) => lru.set(key, value)
  },
  'layered-loader': async (entries) => {
    const loader = new Loader<Value>({
      inMemoryCache: { cacheType: 'lru-object', maxItems: entries, ttlInMsecs: LONG_MS },
    })
    return (key, value) => loader.forceSetValue(key, value)
  },
  kedge: async (entries) => {
    const cache = kedgeOf(2 * entries + 2)
    const users = cache.namespace<Value>('users')
    await cache.sync()
    return (key, value) => users.getOrSet(key, () => value)
  },
}

/**
 * @throws Error when garbage cannot be collected on demand (`--expose-gc`), or a store lost what was put in.
 */
export async function measureWeight(name: string, entries: number): Promise<WeightSample> {
  const keys = Array.from({ length: entries }, (_, index) => keyOf(index))
  const values = keys.map((_, index) => valueOf(index))
  // The compiler's own allocations, and those of the first fill, are not to be counted.
  const rehearsal = await STORES[name]!(1000)
  for (let index = 0; index < 1000; index++) await rehearsal(keys[index]!, values[index]!)
  const before = await settledHeap()
  const put = await STORES[name]!(entries)
  for (let index = 0; index < entries; index++) await put(keys[index]!, values[index]!)
  const after = await settledHeap()
  // Used after the measurement, so that neither the store nor what it was filled with can have been collected.
  await put(keys[0]!, values[0]!)
  return { bytesPerEntry: (after - before) / entries }
}

/** The bytes of heap and of array buffers in use, after garbage collections that find nothing more. */
async function settledHeap(): Promise<number> {
  const { gc } = globalThis
  if (gc === undefined) throw new Error('run with --expose-gc')
  let least = Infinity
  for (let unchanged = 0; unchanged < 3;) {
    // Weak references and finalizers are cleared between turns of the event loop.
    await new Promise((resolve) => setImmediate(resolve))
    await gc()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    const used = heapUsed + arrayBuffers
    if (used < least - 4096) unchanged = 0
    else unchanged++
    least = Math.min(least, used)
  }
  return least
}
