/**
 * The heartbeat: a record that evicts nothing, written now and then where evictions are rare.
 *
 * Where the backend does not tell the identity of a topic, a reader recognises the log by the last record
 * that it read there. Retention deletes that record one day; a heartbeat more often than that keeps a younger
 * one in its place.
 *
 * @module
 */
import { json } from '../src/wire/codec.ts'
import type { KafkaLog } from '../src/ports/kafka-log.ts'
import type { BeatMessage } from '../src/wire/messages.ts'

/** Writes a heartbeat to every partition of the evictions topic. Rejects as `produce` does. */
export async function beat(log: KafkaLog, topic: string, partitions: number): Promise<void> {
  const message: BeatMessage = { v: 1, op: 'beat', at: Date.now() }
  const value = json.encode(message)
  const records = Array.from({ length: partitions }, (_, partition) => ({ key: null, value, partition }))
  await log.produce(topic, records)
}
