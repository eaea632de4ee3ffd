/** A thousand misses at once on ten isolates, with the loader service and without. @module */
import { setTimeout as sleep } from 'node:timers/promises'
import { createLoader } from '../../services/loader/index.ts'
import type { KafkaLog } from '../../src/index.ts'
import { createCache } from '../../src/index.ts'
import { viaLoader } from '../../src/loader-client/index.ts'

export const ISOLATES = 10
export const MISSES = 1000
/** What a load takes: a loader service is for loads that are dear. */
export const LOAD_MS = 100

export interface Storm {
  readonly keys: number
  readonly service: boolean
  readonly loads: number
  /** Milliseconds that each of the thousand waited. */
  readonly times: readonly number[]
}

/** Topics of one storm: none knows of another. */
export interface StormTopics {
  readonly evictions: string
  readonly updates: string
  readonly requests: string
}

/** @param log makes a way to Kafka of its own for each isolate */
export async function measureStorm(
  log: () => KafkaLog,
  topics: StormTopics,
  keys: number,
  service: boolean,
): Promise<Storm> {
  let loads = 0
  const load = async (key: string): Promise<string> => {
    loads++
    await sleep(LOAD_MS)
    return `value of ${key}`
  }
  const stop = new AbortController()
  const loader = createLoader({
    kafka: log(),
    topics,
    loaders: {
      rows: async (wanted) => {
        const found = await Promise.all(wanted.map(async (key) => [key, await load(key)] as const))
        return new Map(found)
      },
    },
    drain: 0,
  })
  const running = service ? loader.run({ signal: stop.signal }) : undefined
  const caches = Array.from({ length: ISOLATES }, () => createCache({ kafka: log(), ttl: '10m', topics }))
  try {
    for (const cache of caches) await cache.sync()
    // The service stands at the end of its topic before the first isolate asks.
    await sleep(1000)
    const rows = caches.map((cache) => cache.namespace<string>('rows'))
    const times = await Promise.all(
      Array.from({ length: MISSES }, async (_, n) => {
        const began = performance.now()
        const own = rows[n % ISOLATES]!
        // Every isolate is asked for every key equally often.
        const key = `row-${Math.floor(n / ISOLATES) % keys}`
        const alone = () => load(key)
        await own.getOrSet(key, service ? viaLoader(alone, { wait: '5s' }) : alone)
        return performance.now() - began
      }),
    )
    return { keys, service, loads, times }
  } finally {
    stop.abort()
    await running
    for (const cache of caches) await cache.close()
  }
}
