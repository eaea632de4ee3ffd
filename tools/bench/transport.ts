/**
 * What a request to a gateway costs over a transport: the adapter and all, in the process that asks.
 *
 * @module
 */
import { Agent, fetch as fetchOfUndici } from 'undici'
import { gateway } from '../../adapters/kafka/gateway.ts'
import { undici } from '../../adapters/transport/undici.ts'
import type { KafkaLog } from '../../src/ports/kafka-log.ts'
import { medianOf } from './statistics.ts'

export const TRANSPORTS = ['global fetch', 'fetch of undici', 'undici()'] as const

export type TransportName = (typeof TRANSPORTS)[number]

export const USES = {
  poll: 'A poll (`offsets`), one after the other',
  polls: 'Polls, 16 at once',
  eviction: 'An eviction (`produce`), one after the other',
} as const

type Use = keyof typeof USES

/** One use of one transport in one round, a request. */
export interface Cost {
  /** From the call to its answer, the median, in microseconds. */
  readonly us: number
  /** Processor time of this process, of user and system, in microseconds. */
  readonly cpuUs: number
}

export type TransportSample = Readonly<Record<Use, Cost>>

const AT_ONCE = 16
const TOPIC = 'cache-evictions'

/** @param requests of each use; half as many warm up */
export async function measureTransport(
  name: TransportName,
  url: string,
  requests: number,
): Promise<TransportSample> {
  const { fetch, close } = make(name)
  const log = gateway({ url, fetch })
  const sample = {
    poll: await costOf(() => poll(log), 1, requests),
    polls: await costOf(() => poll(log), AT_ONCE, requests),
    eviction: await costOf(() => evict(log), 1, requests),
  }
  await close()
  return sample
}

function make(name: TransportName): { fetch: typeof fetch; close: () => Promise<void> } {
  if (name === 'global fetch') return { fetch, close: async () => undefined }
  if (name === 'undici()') return undici({ connections: AT_ONCE })
  // The library itself, with the same limits.
  const dispatcher = new Agent({ connections: AT_ONCE, allowH2: false })
  const own = (input: unknown, init: unknown) =>
    fetchOfUndici(input as string, { ...(init as object), dispatcher })
  return { fetch: own as unknown as typeof fetch, close: () => dispatcher.close() }
}

async function poll(log: KafkaLog): Promise<void> {
  const [partition] = await log.offsets(TOPIC, { partitions: [0] })
  if (partition === undefined) throw new Error('a poll was not answered')
}

const value = new TextEncoder().encode('{"v":1,"op":"evict","ns":"users","keys":["7"]}')

async function evict(log: KafkaLog): Promise<void> {
  const [position] = await log.produce(TOPIC, [{ key: null, value, partition: 0 }])
  if (position === undefined) throw new Error('an eviction was not acknowledged')
}

async function costOf(ask: () => Promise<void>, atOnce: number, requests: number): Promise<Cost> {
  await runs(ask, atOnce, requests / 2)
  const before = process.cpuUsage()
  const took = await runs(ask, atOnce, requests)
  const { user, system } = process.cpuUsage(before)
  return { us: medianOf(took), cpuUs: (user + system) / took.length }
}

async function runs(ask: () => Promise<void>, atOnce: number, requests: number): Promise<number[]> {
  const took: number[] = []
  let left = requests
  const runner = async () => {
    while (left-- > 0) {
      const began = performance.now()
      await ask()
      took.push((performance.now() - began) * 1000)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, runner))
  return took
}
