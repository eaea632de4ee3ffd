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

type Entries = readonly (readonly [string, Value])[]

/** An empty store for so many entries, and how it is filled. */
type MakeStore = (capacity: number) => Promise<(entries: Entries) => unknown>

const LONG_MS = 3_600_000

export const STORES: Readonly<Record<string, MakeStore>> = {
  Map: async () => setter(new Map<string, Value>()),
  'quick-lru': async (capacity) => setter(new QuickLRU<string, Value>({ maxSize: capacity + 1 })),
  'lru-cache': async (capacity) => setter(new LRUCache<string, Value>({ max: capacity })),
  'lru-cache, ttl': async (capacity) => setter(new LRUCache<string, Value>({ max: capacity, ttl: LONG_MS })),
  'layered-loader': async (capacity) => {
    const loader = new Loader<Value>({
      inMemoryCache: { cacheType: 'lru-object', maxItems: capacity, ttlInMsecs: LONG_MS },
    })
    return async (entries) => {
      for (const [key, value] of entries) await loader.forceSetValue(key, value)
    }
  },
  kedge: async (capacity) => {
    const cache = kedgeOf(capacity)
    const users = cache.namespace<Value>('users')
    await cache.sync()
    return (entries) =>
      users.getOrSetMany(
        entries.map(([key]) => key),
        () => new Map(entries),
      )
  },
}

interface Settable {
  set(key: string, value: Value): unknown
}

function setter(store: Settable): (entries: Entries) => void {
  return (entries) => {
    for (const [key, value] of entries) store.set(key, value)
  }
}

/** Entries put in at a time. Between them the event loop turns, as it does where requests come in. */
const CHUNK = 1000

/** @throws Error when garbage cannot be collected on demand (`--expose-gc`). */
export async function measureWeight(name: string, count: number): Promise<WeightSample> {
  const entries = Array.from({ length: count }, (_, index) => [keyOf(index), valueOf(index)] as const)
  const chunks = Array.from({ length: count / CHUNK }, (_, at) => entries.slice(at * CHUNK, (at + 1) * CHUNK))
  const make = STORES[name]!
  // The compiler's own allocations, and those of a first fill, are not to be counted.
  const rehearse = await make(CHUNK)
  await rehearse(chunks[0]!)
  const before = await settledHeap()
  const put = await make(count)
  for (const chunk of chunks) {
    await put(chunk)
    await new Promise((resolve) => setImmediate(resolve))
  }
  const after = await settledHeap()
  // Used after the measurement, so that neither the store nor what it was filled with can have been collected.
  await put(chunks[0]!)
  return { bytesPerEntry: (after - before) / count }
}

/** The bytes of heap and of array buffers in use, after garbage collections that find nothing more. */
export async function settledHeap(): Promise<number> {
  const { gc } = globalThis
  if (gc === undefined) throw new Error('run with --expose-gc')
  let least = Infinity
  for (let unchanged = 0; unchanged < 3;) {
    // Weak references and finalizers are cleared between turns of the event loop.
    await new Promise((resolve) => setImmediate(resolve))
    gc()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    const used = heapUsed + arrayBuffers
    if (used < least - 4096) unchanged = 0
    else unchanged++
    least = Math.min(least, used)
  }
  return least
}
