/** Passes records to the lanes of their partitions, and returns the result of each. @module */
import { performance } from 'node:perf_hooks'
import { partitionOf } from '../../../src/wire/partitioner.ts'
import type { Appended, RecordToAppend } from '../cluster.ts'
import { Refusal } from '../refusal.ts'
import { refusalFrom } from './failure.ts'
import type { MonotonicEndOffset } from './monotonic-end-offset.ts'
import { PartitionProducer } from './partition-producer.ts'
import { ProducerIds } from './producer-ids.ts'
import type { ConnectionPool } from './connection-pool.ts'
import type { KafkaSettings } from './options.ts'
import type { Topic } from './topic.ts'
import type { Topology } from './topology.ts'

/** Bytes of records that wait for an acknowledgement; more are refused. */
const MAX_PENDING_BYTES = 128 * 1024 * 1024
/** Partitions whose lane is kept; a further one drops the lane that was idle longest. */
const MAX_LANES = 2000

export class Producer {
  readonly #links: ConnectionPool
  readonly #topology: Topology
  readonly #floor: MonotonicEndOffset
  readonly #settings: KafkaSettings
  readonly #ids = new ProducerIds()
  readonly #lanes = new Map<string, PartitionProducer>()
  #pending = 0
  #turn = 0

  constructor(links: ConnectionPool, topology: Topology, floor: MonotonicEndOffset, settings: KafkaSettings) {
    this.#floor = floor
    this.#links = links
    this.#topology = topology
    this.#settings = settings
  }

  /** One result for each record, in the order given. Never rejects. */
  async append(name: string, records: readonly RecordToAppend[]): Promise<Appended[]> {
    const deadline = performance.now() + this.#settings.requestTimeoutMs
    const sizes = records.map(sizeOf)
    const bytes = sizes.reduce((sum, size) => sum + size, 0)
    if (bytes > MAX_PENDING_BYTES || this.#pending + bytes > MAX_PENDING_BYTES) {
      const refusal = new Refusal(
        'busy',
        'The gateway is writing as many records as it may: try again later.',
        { retryAfter: 1 },
      )
      return records.map(() => ({ refusal }))
    }
    this.#pending += bytes
    try {
      const topic = await this.#topic(name, records)
      // Records without a key go to one partition a call, and to the next with the next call.
      const keyless = this.#turn++
      return await Promise.all(
        records.map(async (record, index) => {
          if (!Number.isSafeInteger(record.timestamp ?? 0))
            return { refusal: new Refusal('invalid', 'A timestamp must be a whole number of milliseconds.') }
          const partition =
            record.partition ??
            (record.key ? partitionOf(record.key, topic.partitions) : keyless % topic.partitions)
          if (partition >= topic.partitions)
            return { refusal: new Refusal('unknown-partition', 'Partition not found.') }
          return this.#lane(name, partition).push(record, sizes[index]!, deadline)
        }),
      )
    } catch (error) {
      const refusal = refusalFrom(error) as Refusal
      return records.map(() => ({ refusal }))
    } finally {
      this.#pending -= bytes
    }
  }

  /** The topic, looked up again where a record names a partition that the known description lacks. */
  async #topic(name: string, records: readonly RecordToAppend[]): Promise<Topic> {
    const highest = records.reduce((high, { partition = 0 }) => Math.max(high, partition), 0)
    let topic = await this.#topology.find(name)
    if (!topic || highest >= topic.partitions) topic = await this.#topology.refresh(name)
    if (!topic) throw new Refusal('unknown-topic', 'Topic not found.')
    return topic
  }

  #lane(topic: string, partition: number): PartitionProducer {
    const key = `${partition} ${topic}`
    const lane =
      this.#lanes.get(key) ??
      new PartitionProducer(
        { topic, partition },
        this.#links,
        this.#topology,
        this.#floor,
        this.#ids,
        this.#settings,
      )
    this.#lanes.delete(key)
    this.#lanes.set(key, lane)
    for (const [oldest, { idle }] of this.#lanes) {
      if (this.#lanes.size <= MAX_LANES) break
      if (idle && oldest !== key) this.#lanes.delete(oldest)
    }
    return lane
  }
}

function sizeOf({ key, value, headers = [] }: RecordToAppend): number {
  // About the most that a record takes beside its key, value and headers.
  let size = 70 + (key?.length ?? 0) + (value?.length ?? 0)
  for (const header of headers) size += 10 + header.name.length * 3 + (header.value?.length ?? 0)
  return size
}
