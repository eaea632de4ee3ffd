/**
 * What is measured: kedge, its peers, and the floors below which none of them can be.
 *
 * @module
 */
import * as api from '@opentelemetry/api'
import { Loader } from 'layered-loader/core'
import { LRUCache } from 'lru-cache'
import * as client from 'prom-client'
import QuickLRU from 'quick-lru'
import { otlpMetrics } from '../../adapters/metrics/otlp.ts'
import { metrics } from '../../adapters/metrics/prom-client.ts'
import { metrics as meters } from '../../adapters/telemetry/opentelemetry.ts'
import { createCache } from '../../src/index.ts'
import type { Cache, Namespace } from '../../src/index.ts'
import { memory } from '../../src/testing/index.ts'
import type { Value } from './workload.ts'
import { CAPACITY } from './workload.ts'

/** How a subject's reads are called: each for itself, each awaited, or ten in one call. */
export type Subject =
  | { readonly kind: 'sync'; readonly read: (key: string) => Value | undefined; readonly check?: () => void }
  | {
      /** `turns` is how many calls begin in one synchronous turn, before all of them are awaited. */
      readonly kind: 'async'
      readonly turns?: number
      readonly read: (key: string) => Promise<Value | undefined | null>
      readonly check?: () => void
    }
  | {
      /** A synchronous read that is the only one of its turn. */
      readonly kind: 'turn'
      readonly read: (key: string) => Value | undefined
      readonly check?: () => void
    }
  | {
      readonly kind: 'many'
      readonly read: (keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>
      readonly check?: () => void
    }

/** Makes a subject that holds these entries. */
export type Make = (entries: readonly (readonly [string, Value])[]) => Promise<Subject>

/** Long enough that nothing expires and no poll is due during a run. */
const LONG = '1h'
const LONG_MS = 3_600_000
/** How many keys a batch call reads, and how many calls a batched turn begins. */
export const BATCH = 10

const missing = (key: string): Promise<Value> => Promise.reject(new Error(`loaded ${key}, which was held`))

const filledMap: (entries: readonly (readonly [string, Value])[]) => Map<string, Value> = (entries) =>
  new Map(entries)

async function filledLoader(entries: readonly (readonly [string, Value])[]): Promise<Loader<Value>> {
  const loader = new Loader<Value>({
    inMemoryCache: { cacheType: 'lru-object', maxItems: CAPACITY, ttlInMsecs: LONG_MS },
    dataSourceGetOneFn: missing,
  })
  for (const [key, value] of entries) await loader.forceSetValue(key, value)
  return loader
}

async function filledKedge(
  entries: readonly (readonly [string, Value])[],
  measured: (cache: Cache) => void = () => undefined,
): Promise<{ users: Namespace<Value>; check: () => void }> {
  const cache = kedgeOf(CAPACITY)
  measured(cache)
  const users = cache.namespace<Value>('users')
  await cache.sync()
  for (const [key, value] of entries) await users.getOrSet(key, () => value)
  const { polls } = cache.stats()
  // A run that polled, loaded or missed has measured something else than hits.
  const check = (): void => {
    const stats = cache.stats()
    if (stats.polls !== polls || stats.loads !== entries.length || stats.entries !== entries.length) {
      throw new Error(`not a run of hits: ${JSON.stringify(stats)}`)
    }
  }
  return { users, check }
}

/** A cache over a log in memory, whose proof of freshness stays good for the whole run. */
export function kedgeOf(maxEntries: number): Cache {
  return createCache({
    kafka: memory(),
    ttl: LONG,
    maxStaleness: LONG,
    maxEntries,
    maxBytes: 2_000_000_000,
  })
}

export const SUBJECTS: Readonly<Record<string, Make>> = {
  'Map get': async (entries) => {
    const map = filledMap(entries)
    return { kind: 'sync', read: (key) => map.get(key) }
  },
  'Map get, TTL by Date.now()': async (entries) => {
    const until = Date.now() + LONG_MS
    const map = new Map(entries.map(([key, value]) => [key, { value, until }]))
    const read = (key: string): Value | undefined => {
      const entry = map.get(key)
      return entry !== undefined && Date.now() < entry.until ? entry.value : undefined
    }
    return { kind: 'sync', read }
  },
  'quick-lru get': async (entries) => {
    const lru = new QuickLRU<string, Value>({ maxSize: CAPACITY })
    for (const [key, value] of entries) lru.set(key, value)
    return { kind: 'sync', read: (key) => lru.get(key) }
  },
  'lru-cache get': async (entries) => {
    const lru = new LRUCache<string, Value>({ max: CAPACITY })
    for (const [key, value] of entries) lru.set(key, value)
    return { kind: 'sync', read: (key) => lru.get(key) }
  },
  'lru-cache get, ttl': async (entries) => {
    const lru = new LRUCache<string, Value>({ max: CAPACITY, ttl: LONG_MS })
    for (const [key, value] of entries) lru.set(key, value)
    return { kind: 'sync', read: (key) => lru.get(key) }
  },
  'layered-loader getInMemoryOnly': async (entries) => {
    const loader = await filledLoader(entries)
    return { kind: 'sync', read: (key) => loader.getInMemoryOnly(key) ?? undefined }
  },
  'kedge peek': async (entries) => {
    const { users, check } = await filledKedge(entries)
    return { kind: 'sync', read: (key) => users.peek(key), check }
  },

  'Map get, one a turn': async (entries) => {
    const map = filledMap(entries)
    return { kind: 'turn', read: (key) => map.get(key) }
  },
  'kedge peek, one a turn': async (entries) => {
    const { users, check } = await filledKedge(entries)
    return { kind: 'turn', read: (key) => users.peek(key), check }
  },

  'async function': async (entries) => {
    const map = filledMap(entries)
    return { kind: 'async', read: async (key) => map.get(key) }
  },
  'lru-cache fetch, ttl': async (entries) => {
    const lru = new LRUCache<string, Value>({ max: CAPACITY, ttl: LONG_MS, fetchMethod: missing })
    for (const [key, value] of entries) lru.set(key, value)
    return { kind: 'async', read: (key) => lru.fetch(key) }
  },
  'layered-loader get': async (entries) => {
    const loader = await filledLoader(entries)
    return { kind: 'async', read: (key) => loader.get(key) }
  },
  'kedge get': async (entries) => {
    const { users, check } = await filledKedge(entries)
    return { kind: 'async', read: (key) => users.get(key), check }
  },
  'kedge getOrSet': async (entries) => {
    const { users, check } = await filledKedge(entries)
    return { kind: 'async', read: (key) => users.getOrSet(key, () => missing(key)), check }
  },

  'async function, 10 a turn': async (entries) => {
    const map = filledMap(entries)
    return { kind: 'async', turns: BATCH, read: async (key) => map.get(key) }
  },
  'layered-loader get, 10 a turn': async (entries) => {
    const loader = await filledLoader(entries)
    return { kind: 'async', turns: BATCH, read: (key) => loader.get(key) }
  },
  'kedge getOrSet, 10 a turn': async (entries) => {
    const { users, check } = await filledKedge(entries)
    return { kind: 'async', turns: BATCH, read: (key) => users.getOrSet(key, () => missing(key)), check }
  },

  'async function, 10 keys': async (entries) => {
    const map = filledMap(entries)
    const read = async (keys: readonly string[]): Promise<Map<string, Value>> => {
      const found = new Map<string, Value>()
      for (const key of keys) {
        const value = map.get(key)
        if (value !== undefined) found.set(key, value)
      }
      return found
    }
    return { kind: 'many', read }
  },
  'kedge getMany, 10 keys': async (entries) => {
    const { users, check } = await filledKedge(entries)
    return { kind: 'many', read: (keys) => users.getMany(keys), check }
  },

  'kedge peek, no metrics': peeks(),
  'kedge peek, metrics': peeks(byPromClient),
  'kedge peek, API metrics': peeks(byApiMeter),
  'kedge peek, OTLP metrics': peeks(byOtlp),
  'kedge getOrSet, no metrics': gets(),
  'kedge getOrSet, metrics': gets(byPromClient),
  'kedge getOrSet, API metrics': gets(byApiMeter),
  'kedge getOrSet, OTLP metrics': gets(byOtlp),
}

function byPromClient(cache: Cache): void {
  metrics(cache, { client, register: new client.Registry() })
}

function byApiMeter(cache: Cache): void {
  meters(cache, { api })
}

/** No push is due: a hit is no request, and only at the boundaries of requests is there one. */
function byOtlp(cache: Cache): void {
  otlpMetrics(cache, {
    url: 'http://127.0.0.1:1',
    fetch: () => Promise.reject(new Error('nothing is pushed here')),
  })
}

/** The same code whether there are metrics or not: it differs in nothing else. */
function peeks(measured?: (cache: Cache) => void): Make {
  return async (entries) => {
    const { users, check } = await filledKedge(entries, measured)
    return { kind: 'sync', read: (key) => users.peek(key), check }
  }
}

function gets(measured?: (cache: Cache) => void): Make {
  return async (entries) => {
    const { users, check } = await filledKedge(entries, measured)
    return { kind: 'async', read: (key) => users.getOrSet(key, () => missing(key)), check }
  }
}
