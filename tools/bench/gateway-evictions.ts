/** From an eviction in one cache until another one, which follows the log, does not serve the value any more. @module */
import { setTimeout as sleep } from 'node:timers/promises'
import { gateway } from '../../adapters/kafka/gateway.ts'
import { createCache } from '../../src/index.ts'
import type { KafkaLog } from '../../src/ports/kafka-log.ts'

export interface Evictions {
  /**
   * From the call of `delete()`, in milliseconds, one after the other; looked at every millisecond, so that
   * looking leaves the processors to the rest.
   */
  readonly gone: readonly number[]
  /** Until `delete()` has resolved: the eviction is acknowledged by the broker. */
  readonly acknowledged: readonly number[]
  /** How long each of those took that were under way together, in milliseconds. */
  readonly together: readonly number[]
  /** All evictions but those for warming up. */
  readonly made: number
  /** Values that were still served after {@link LOST_MS}. */
  readonly lost: number
}

/** An eviction that has not arrived by then is lost. */
const LOST_MS = 5000
/** Evictions and records before those that are measured. */
const WARM = 50
/** Evictions that are under way together. */
export const TOGETHER = 100

/**
 * @param count evictions one after the other
 * @param all evictions in all: the others {@link TOGETHER}
 * @throws Error when a value was not served before it was evicted: nothing would have been measured.
 */
export async function measureEvictions(
  url: string,
  topic: string,
  count: number,
  all: number,
): Promise<Evictions> {
  const made = () =>
    createCache({
      kafka: gateway({ url }),
      topics: { evictions: topic },
      ttl: '1h',
      maxStaleness: '1m',
    })
  const [here, there] = [made(), made()]
  const [writer, reader] = [here.namespace<number>('prices'), there.namespace<number>('prices')]
  const stop = new AbortController()
  const following = there.follow({ signal: stop.signal })
  const hold = async (key: string) => {
    await reader.getOrSet(key, () => 1)
    if (reader.peek(key) !== 1) throw new Error('the value is not there to be evicted')
  }
  /** How long each value was served after its eviction was called for; `undefined` for one that is lost. */
  const evict = async (keys: readonly string[]): Promise<(number | undefined)[]> => {
    const began = performance.now()
    const deleted = Promise.all(keys.map((key) => writer.delete(key)))
    const took = new Map<string, number>()
    while (took.size < keys.length && performance.now() - began < LOST_MS) {
      await sleep(1)
      const now = performance.now()
      for (const key of keys) if (!took.has(key) && reader.peek(key) === undefined) took.set(key, now - began)
    }
    await deleted
    return keys.map((key) => took.get(key))
  }
  const gone: number[] = []
  const acknowledged: number[] = []
  const together: number[] = []
  let lost = 0
  try {
    await Promise.all([here.sync(), there.sync()])
    for (let sample = -WARM; sample < count; sample++) {
      const key = `tea-${sample}`
      await hold(key)
      // Where the follower stands between two polls is left to chance.
      await sleep(Math.random() * 20)
      const began = performance.now()
      const deleted = writer.delete(key).then(() => performance.now() - began)
      while (reader.peek(key) !== undefined && performance.now() - began < LOST_MS) await sleep(1)
      const took = performance.now() - began
      const isLost = reader.peek(key) !== undefined
      const acknowledgedAfter = await deleted
      if (isLost) lost++
      if (isLost || sample < 0) continue
      gone.push(took)
      acknowledged.push(acknowledgedAfter)
    }
    for (let sample = count; sample < all; sample += TOGETHER) {
      const keys = Array.from({ length: Math.min(TOGETHER, all - sample) }, (_, at) => `tea-${sample + at}`)
      await Promise.all(keys.map(hold))
      for (const took of await evict(keys)) {
        if (took === undefined) lost++
        else together.push(took)
      }
    }
    return { gone, acknowledged, together, made: all, lost }
  } finally {
    stop.abort()
    await following
    await Promise.all([here.close(), there.close()])
  }
}

/** How long it takes until a record is acknowledged, one after the other, in milliseconds. */
export async function measureProduce(log: KafkaLog, topic: string, count: number): Promise<number[]> {
  const times: number[] = []
  const value = new Uint8Array(150)
  for (let sample = -WARM; sample < count; sample++) {
    const began = performance.now()
    await log.produce(topic, [{ key: null, value, partition: 0 }])
    if (sample >= 0) times.push(performance.now() - began)
  }
  return times
}
