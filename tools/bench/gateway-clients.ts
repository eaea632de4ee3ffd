/** The same records to the same number of clients: by stateless long polls, and by a consumer instance for each. @module */
import { setTimeout as sleep } from 'node:timers/promises'
import { confluent } from '../../adapters/kafka/confluent.ts'
import { gateway as gatewayLog } from '../../adapters/kafka/gateway.ts'
import { during, startChild } from './gateway-child.ts'
import type { Work } from './gateway-child.ts'

export interface Clients {
  readonly name: string
  readonly clients: number
  readonly records: number
  readonly work: Work
  /** From the call that produced a record until a client had it, in milliseconds; for each client and record. */
  readonly told: readonly number[]
  /** Records that a client did not have in the end. */
  readonly lost: number
}

export interface ClientsOptions {
  readonly brokers: string
  readonly topic: string
  readonly clients: number
  readonly ms: number
}

/** A record so often. */
const EVERY_MS = 500
/** A client that cannot wait looks again after so long. */
export const PAUSE_MS = 100
/** After the last record, clients have so long to get it. */
const LAST_MS = 2000

/** @param gateway whether clients know that it is the gateway, and not a REST proxy that has consumer instances only */
export async function measureClients(gateway: boolean, options: ClientsOptions): Promise<Clients> {
  const { brokers, topic, clients, ms } = options
  const child = await startChild(brokers)
  const logs = Array.from({ length: clients }, () =>
    (gateway ? gatewayLog : confluent)({ url: child.url, requestTimeout: '20s' }),
  )
  const writer = gatewayLog({ url: child.url })
  const stop = new AbortController()
  const told: number[] = []
  const sentAt = new Map<number, number>()
  try {
    const end = (await writer.offsets(topic))[0]!.end
    const follow = async (log: (typeof logs)[number]) => {
      let offset = end
      while (!stop.signal.aborted) {
        const how = {
          maxBytes: 1_048_576,
          waitMs: 1000,
          isolation: 'uncommitted',
          signal: stop.signal,
        } as const
        const { records, next } = await log.read(topic, [{ partition: 0, offset }], how)
        const now = performance.now()
        for (const record of records) told.push(now - sentAt.get(record.offset)!)
        offset = next[0]!.offset
        if (records.length === 0 && !log.capabilities.longPoll)
          await sleep(PAUSE_MS, undefined, { signal: stop.signal })
      }
    }
    const following = Promise.all(
      logs.map(async (log) => {
        await sleep(Math.random() * PAUSE_MS)
        await follow(log).catch((error: unknown) => {
          if (!stop.signal.aborted) throw error
        })
      }),
    )
    const records = Math.floor(ms / EVERY_MS)
    const all = clients * (records + 1)
    const produce = async (offset: number) => {
      sentAt.set(offset, performance.now())
      await writer.produce(topic, [{ key: null, value: new Uint8Array(150), partition: 0 }])
      await sleep(EVERY_MS)
    }
    const producing = async () => {
      // The first makes each client's instance, which is not counted.
      await produce(end)
      for (let left = LAST_MS; told.length < clients && left > 0; left -= PAUSE_MS) await sleep(PAUSE_MS)
      const first = told.length
      const work = await during(child, async () => {
        for (let record = 1; record <= records; record++) await produce(end + record)
      })
      for (let left = LAST_MS; told.length < all && left > 0; left -= PAUSE_MS) await sleep(PAUSE_MS)
      stop.abort()
      return { work, first }
    }
    // A client that fails ends the run.
    const { work, first } = await Promise.race([
      producing(),
      following.then(() => Promise.reject(new Error('ended'))),
    ])
    await following
    const name = gateway ? 'stateless long polls' : 'a consumer instance each'
    return { name, clients, records, work, told: told.slice(first), lost: all - told.length }
  } finally {
    stop.abort()
    await Promise.allSettled([...logs, writer].map(async (log) => log.close?.()))
    await child.stop()
  }
}
