/** How long a read takes that is answered by the isolate, by the tier and by the source. @module */
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { ioredis, redisTier } from '../../adapters/stores/redis.ts'
import type { KafkaLog } from '../../src/index.ts'
import { createCache } from '../../src/index.ts'
import { sharedTier } from '../../src/tier/index.ts'

/** What the simulated database takes for a row. */
export const SOURCE_MS = 5

export interface Reads {
  readonly name: string
  /** Milliseconds of each read. */
  readonly times: readonly number[]
}

interface Row {
  readonly id: string
  readonly name: string
}

const WARM_UP = 100
/** Of the reads at least so many must be answered from where they should be. */
const MOST = 0.98
const VALUE = 'x'.repeat(150)

/**
 * Reads `count` keys one after the other from the source, then by an isolate that has just started from the tier, then
 * from that isolate's own memory.
 *
 * @throws Error when too many answers came from elsewhere
 */
export async function measureReads(log: KafkaLog, redisUrl: string, count: number): Promise<Reads[]> {
  const clients = [new Redis(redisUrl), new Redis(redisUrl)]
  const [writer, reader] = clients.map((client) =>
    createCache({ kafka: log, ttl: '10m', use: [sharedTier(redisTier(ioredis(client)))] }),
  )
  const load = async ({ key }: { key: string }): Promise<Row> => {
    await sleep(SOURCE_MS)
    return { id: key, name: VALUE }
  }
  const keys = Array.from({ length: count + WARM_UP }, (_, n) => `row-${n}`)
  const timed = async (cache: typeof writer, from: string): Promise<number[]> => {
    const rows = cache!.namespace<Row>('rows')
    const times: number[] = []
    const others = new Map<string, number>()
    await cache!.sync()
    for (const [at, key] of keys.entries()) {
      const began = performance.now()
      const entry = await rows.getEntry(key, load)
      const ms = performance.now() - began
      // A tier that hesitates is overtaken by the source, as it should be: that is another figure.
      if (entry.from !== from) others.set(String(entry.from), (others.get(String(entry.from)) ?? 0) + 1)
      else if (at >= WARM_UP) times.push(ms)
    }
    if (times.length < count * MOST)
      throw new Error(`only ${times.length} of ${count} came from ${from}: ${JSON.stringify([...others])}`)
    return times
  }
  try {
    const source = await timed(writer, 'loader')
    // Values are put into the tier in the background.
    await sleep(200)
    const tier = await timed(reader, 'tier')
    const memory = await timed(reader, 'memory')
    return [
      { name: 'L1: held by the isolate', times: memory },
      { name: 'L2: Redis, by an isolate that has just started', times: tier },
      { name: `source: a simulated database of ${SOURCE_MS} ms`, times: source },
    ]
  } finally {
    await Promise.all([writer?.close(), reader?.close()])
    for (const client of clients) client.disconnect()
  }
}
