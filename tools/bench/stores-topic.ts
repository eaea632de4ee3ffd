/** Topics of the benchmark of the stores: what stands in them. @module */
import type { KafkaCluster } from '../../services/gateway/index.ts'

export const PARTITIONS = 3
/** Each is written again and again, in turn: no two of a batch are of one key, so that nothing is folded. */
export const KEYS = 100_000
const VALUE_BYTES = 200
const TOGETHER = 2000
/** Requests that are under way at once. */
const LANES = 3

/** Makes a topic with so many records, `{"n":…}` filled up to 200 bytes. */
export async function fill(cluster: KafkaCluster, topic: string, count: number): Promise<void> {
  await cluster.createTopic(topic, { partitions: PARTITIONS })
  const encoder = new TextEncoder()
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) {
      const from = next
      next = Math.min(count, from + TOGETHER)
      const records = Array.from({ length: next - from }, (_, at) => {
        const n = from + at
        const key = n % KEYS
        const value = `{"n":${n},"of":"`
        return {
          key: encoder.encode(String(key)),
          value: encoder.encode(`${value}${'x'.repeat(VALUE_BYTES - value.length - 2)}"}`),
          partition: key % PARTITIONS,
        }
      })
      const results = await cluster.append(topic, records)
      const refused = results.find(({ refusal }) => refusal !== undefined)
      if (refused) throw new Error('a record was not taken', { cause: refused.refusal })
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
}
