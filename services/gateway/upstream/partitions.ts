/** The partitions of the upstream that clients ask for: so many at most, those of late. @module */
import QuickLRU from 'quick-lru'
import { Lineage } from '../../../adapters/sharing/tail/lineage.ts'
import { Refusal } from '../refusal.ts'
import type { TopicPartition } from '../topic-position.ts'
import type { UpstreamConnection } from './connection.ts'
import { UpstreamPartition } from './partition.ts'

/** Each holds at most 2 MiB of records for each isolation level. */
const MAX_PARTITIONS = 128
/** A partition that no client has asked for so long gives way to another. */
const IDLE_MS = 2000
/** How a log is known outlives its partition here: else each return of a client would be another log. */
const MAX_LINEAGES = 1024

export class UpstreamPartitions {
  readonly #connection: UpstreamConnection
  /** The one that was used last is the last. */
  readonly #all = new Map<string, UpstreamPartition>()
  readonly #lineages = new QuickLRU<string, Lineage>({ maxSize: MAX_LINEAGES })

  constructor(connection: UpstreamConnection) {
    this.#connection = connection
  }

  find({ topic, partition }: TopicPartition): UpstreamPartition | undefined {
    return this.#all.get(keyOf(topic, partition))
  }

  /** @throws Refusal `busy` where all are in use, and what the work throws */
  async at<T>(place: TopicPartition, work: (partition: UpstreamPartition) => Promise<T>): Promise<T> {
    const key = keyOf(place.topic, place.partition)
    const partition = this.#all.get(key) ?? this.#make(key, place)
    partition.usedAt = this.#connection.runtime.monotonic()
    this.#all.delete(key)
    this.#all.set(key, partition)
    try {
      return await work(partition)
    } catch (error) {
      // Names that do not exist take no place of those that do.
      const isMissing = error instanceof Refusal && error.reason.startsWith('unknown-')
      if (isMissing && this.#all.get(key) === partition) this.#all.delete(key)
      throw error
    }
  }

  #make(key: string, place: TopicPartition): UpstreamPartition {
    const { runtime } = this.#connection
    const [first] = this.#all
    if (first && this.#all.size >= MAX_PARTITIONS) {
      const [oldest, { usedAt }] = first
      if (runtime.monotonic() - usedAt < IDLE_MS)
        throw new Refusal(
          'busy',
          `The gateway follows ${MAX_PARTITIONS} partitions of its upstream already.`,
          {
            retryAfter: 1,
          },
        )
      this.#all.delete(oldest)
    }
    const lineage = this.#lineages.get(key) ?? new Lineage(key, undefined, runtime)
    this.#lineages.set(key, lineage)
    return new UpstreamPartition(place, lineage, this.#connection)
  }
}

const keyOf = (topic: string, partition: number): string => `${partition} ${topic}`
