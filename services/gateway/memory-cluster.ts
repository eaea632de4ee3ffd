/** The cluster in memory: what `--log memory` puts behind the gateway. @module */
import { eitherSignal } from '../../src/runtime/abort.ts'
import { isKedgeError } from '../../src/ports/errors.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import type { Runtime } from '../../src/ports/runtime.ts'
import type { MemoryLog } from '../../src/testing/memory-log.ts'
import type {
  Appended,
  Cluster,
  ClusterRead,
  ClusterReadOptions,
  ClusterRecord,
  PartitionBounds,
  RecordToAppend,
  TopicDescription,
} from './cluster.ts'
import type { TopicPartition, TopicPosition } from './topic-position.ts'
import { MemoryGroups } from './memory-groups.ts'
import { Refusal } from './refusal.ts'

export interface MemoryClusterOptions {
  /** @default 'kedge-memory' */
  readonly id?: string
  /** Timers of long polls. @default `systemRuntime()` */
  readonly runtime?: Runtime
}

/** A {@link Cluster} of one `MemoryLog`. */
export function memoryCluster(log: MemoryLog, options: MemoryClusterOptions = {}): Cluster {
  return new MemoryCluster(log, options.id ?? 'kedge-memory', options.runtime ?? systemRuntime())
}

class MemoryCluster implements Cluster {
  readonly id: string
  readonly groups: MemoryGroups
  readonly #log: MemoryLog
  readonly #runtime: Runtime

  constructor(log: MemoryLog, id: string, runtime: Runtime) {
    this.#log = log
    this.id = id
    this.groups = new MemoryGroups(log)
    this.#runtime = runtime
  }

  async topics(): Promise<TopicDescription[]> {
    return this.#log.topics().flatMap((topic) => this.#log.describe(topic) ?? [])
  }

  async describe(topic: string): Promise<TopicDescription | undefined> {
    try {
      this.#log.partitions(topic)
      return this.#log.describe(topic)
    } catch (error) {
      const refusal = this.#refusal(error, topic)
      if (refusal.reason === 'unknown-topic') return undefined
      throw refusal
    }
  }

  async create(topic: string, partitions: number | undefined): Promise<TopicDescription> {
    if (this.#log.describe(topic)) throw new Refusal('exists', `Topic '${topic}' already exists.`)
    try {
      return this.#log.createTopic(topic, partitions === undefined ? {} : { partitions })
    } catch (error) {
      // The log's own message says whether the name or the number of partitions is wrong.
      if (error instanceof TypeError) throw new Refusal('invalid', error.message)
      throw this.#refusal(error, topic)
    }
  }

  async remove(topic: string): Promise<void> {
    if (!this.#log.describe(topic)) throw new Refusal('unknown-topic', 'Topic not found.')
    this.#log.deleteTopic(topic)
  }

  async append(topic: string, records: readonly RecordToAppend[]): Promise<Appended[]> {
    return records.map((record) => {
      try {
        const { partition, offset, timestamp } = this.#log.append(topic, record)
        return { partition, offset, timestamp }
      } catch (error) {
        return { refusal: this.#refusal(error, topic, record.partition) }
      }
    })
  }

  async offsets(topic: string, partition: number): Promise<PartitionBounds> {
    return this.#attempt({ topic, partition }, () => this.#log.offsets(topic, partition))
  }

  async offsetAt(topic: string, partition: number, timestamp: number): Promise<number> {
    return this.#attempt({ topic, partition }, () => this.#log.offsetAt(topic, partition, timestamp))
  }

  async read(positions: readonly TopicPosition[], options: ClusterReadOptions): Promise<ClusterRead> {
    options.signal?.throwIfAborted()
    const first = this.#collect(positions, options)
    if (first.records.length > 0 || first.outOfRange.length > 0 || options.waitMs <= 0) return first
    if (first.next.some(({ offset }, index) => offset !== positions[index]?.offset)) return first
    await this.#news(positions, options)
    return this.#collect(positions, options)
  }

  #collect(
    positions: readonly TopicPosition[],
    { maxBytes, isolation = 'uncommitted' }: ClusterReadOptions,
  ): ClusterRead {
    const records: ClusterRecord[] = []
    const outOfRange: TopicPartition[] = []
    let left = maxBytes
    const next = positions.map((position) => {
      const { topic, partition } = position
      // Once the answer is full, the next poll reads the other partitions; this one checks that they exist.
      const bytes = left > 0 || records.length === 0 ? left : undefined
      const slice = this.#attempt(position, () =>
        bytes === undefined
          ? this.#log.offsets(topic, partition) && null
          : this.#log.read(topic, position, { maxBytes: bytes, isolation }),
      )
      if (slice === undefined) outOfRange.push({ topic, partition })
      for (const record of slice?.records ?? []) records.push({ ...record, topic })
      left -= slice?.bytes ?? 0
      return { topic, partition, offset: slice?.next ?? position.offset }
    })
    return { records, next, outOfRange }
  }

  /** Resolves when one of the positions has news, or after `waitMs`. Rejects with `signal.reason`. */
  async #news(
    positions: readonly TopicPosition[],
    { waitMs, isolation = 'uncommitted', signal }: ClusterReadOptions,
  ): Promise<void> {
    const ended = eitherSignal(signal)
    const topics = new Set(positions.map(({ topic }) => topic))
    const waits = [...topics].map((topic) => {
      const own = positions.filter((position) => position.topic === topic)
      return this.#log.waitFor(topic, own, { isolation, signal: ended.signal })
    })
    try {
      await Promise.race([...waits, this.#runtime.sleep(waitMs, ended.signal)])
    } catch (error) {
      if (!ended.signal.aborted) throw error
    } finally {
      ended.done()
      ended.abort()
    }
    signal?.throwIfAborted()
  }

  /** Turns the errors of the log into refusals. */
  #attempt<T>({ topic, partition }: TopicPartition, work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw this.#refusal(error, topic, partition)
    }
  }

  #refusal(error: unknown, topic: string, partition?: number): Refusal {
    const exists = this.#log.describe(topic) !== undefined
    if (isKedgeError(error) && error.code === 'ERR_TOO_LARGE') {
      return exists
        ? new Refusal('too-large', 'The record is larger than the cluster accepts.')
        : new Refusal('busy', 'The cluster has as many topics as it may have.')
    }
    if (!isKedgeError(error) || error.code !== 'ERR_UNKNOWN_TOPIC')
      return new Refusal('unavailable', 'The cluster failed.')
    return exists && partition !== undefined
      ? new Refusal('unknown-partition', 'Partition not found.')
      : new Refusal('unknown-topic', 'Topic not found.')
  }
}
