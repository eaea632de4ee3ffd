/** How long a read takes that is answered by the isolate, by the tier and by the source. @module */
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { ioredis, redisTier } from '../adapters/redis.ts'
import type { KafkaLog } from '../src/index.ts'
import { createCache } from '../src/index.ts'

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
const VALUE = 'x'.repeat(150)

/**
 * Reads `count` keys one after the other from the source, then by an isolate that has just started from the tier, then
 * from that isolate's own memory.
 *
 * @throws Error when an answer came from elsewhere
 */
export async function measureReads(log: KafkaLog, redisUrl: string, count: number): Promise<Reads[]> {
  const clients = [new Redis(redisUrl), new Redis(redisUrl)]
  const [writer, reader] = clients.map((client) =>
    createCache({ kafka: log, ttl: '10m', tier: redisTier(ioredis(client)) }),
  )
  const load = async ({ key }: { key: string }): Promise<Row> => {
    await sleep(SOURCE_MS)
    return { id: key, name: VALUE }
  }
  const keys = Array.from({ length: count + WARM_UP }, (_, n) => `row-${n}`)
  const timed = async (cache: typeof writer, from: string): Promise<number[]> => {
    const rows = cache!.namespace<Row>('rows')
    const times: number[] = []
    await cache!.sync()
    for (const key of keys) {
      const began = performance.now()
      const entry = await rows.getEntry(key, load)
      times.push(performance.now() - began)
      if (entry.from !== from) throw new Error(`${key} came from ${entry.from}, not from ${from}`)
    }
    return times.slice(WARM_UP)
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
