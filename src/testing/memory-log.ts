/**
 * A model of Kafka in memory: topics with an identity, partitions with offsets, retention, compaction,
 * transactions and long polls. It stands behind `memory()` and behind the gateway's `--log memory`.
 *
 * @module
 */
import { KedgeError } from '../ports/errors.ts'
import type { Position } from '../ports/kafka-log.ts'
import { partitionOf } from '../wire/partitioner.ts'
import { memoryLogSettings } from './memory-options.ts'
import type { MemoryLogSettings } from './memory-options.ts'
import { describe, MemoryTopics, unknownTopic } from './memory-topics.ts'
import { bytesOf } from './memory-partition.ts'
import type { MemoryPartition, Slice, StoredRecord, TransactionState } from './memory-partition.ts'
import type {
  Isolation,
  MemoryLogOptions,
  MemoryOffsets,
  MemoryRecord,
  MemoryTransaction,
  TopicDescription,
} from './memory-types.ts'
import { MemoryWaiters } from './memory-waiters.ts'

export type {
  Isolation,
  MemoryLogOptions,
  MemoryOffsets,
  MemoryRecord,
  MemoryTransaction,
  TopicDescription,
} from './memory-types.ts'

/**
 * Kafka in memory, synchronous but for {@link MemoryLog.waitFor}.
 *
 * Methods throw a `KedgeError`: `ERR_UNKNOWN_TOPIC` for a topic or partition that is not there, `ERR_TOO_LARGE`
 * for a record above `maxRecordBytes` or a topic too many.
 *
 * @example
 * ```ts
 * import { MemoryLog } from 'kedge/testing'
 *
 * const log = new MemoryLog()
 * log.append('cache-evictions', { key: null, value: new TextEncoder().encode('{}') })
 * log.recreateTopic('cache-evictions') // the identity changes, offsets start again at 0
 * ```
 */
export class MemoryLog {
  readonly #options: MemoryLogSettings
  readonly #topics: MemoryTopics
  readonly #waiters = new MemoryWaiters()
  #bytes = 0

  constructor(options: MemoryLogOptions = {}) {
    const { topics = {}, ...rest } = options
    this.#options = memoryLogSettings(rest)
    this.#topics = new MemoryTopics(this.#options)
    for (const [name, partitions] of Object.entries(topics)) this.createTopic(name, { partitions })
  }

  /** Names of the topics, in order of creation. */
  topics(): string[] {
    return [...this.#topics.names()]
  }

  /** A topic that exists; never creates one. */
  describe(topic: string): TopicDescription | undefined {
    const found = this.#topics.find(topic)
    return found && describe(found)
  }

  /** @throws TypeError when the name or number is not one Kafka allows, or the topic exists. */
  createTopic(topic: string, options: { readonly partitions?: number } = {}): TopicDescription {
    return describe(this.#topics.create(topic, options.partitions))
  }

  /** Deletes a topic with all it holds; wakes the calls that wait for it. */
  deleteTopic(topic: string): void {
    for (const partition of this.#topics.delete(topic)) this.#bytes -= partition.bytes
    this.#waiters.wake(topic)
  }

  /** Deletes a topic and creates it again, empty, with as many partitions and another identity. */
  recreateTopic(topic: string): TopicDescription {
    const { partitions } = this.describe(topic) ?? unknownTopic(topic)
    this.deleteTopic(topic)
    return this.createTopic(topic, { partitions })
  }

  /**
   * Kafka's CreatePartitions: the topic has `total` partitions from now on, the new ones empty. Its identity stays.
   * @throws TypeError when there are as many already: Kafka takes none away.
   */
  addPartitions(topic: string, total: number): TopicDescription {
    return describe(this.#topics.addPartitions(topic, total))
  }

  /** Appends one record; wakes the calls that wait for its topic. */
  append(topic: string, record: MemoryRecord): StoredRecord {
    return this.#append(topic, record)
  }

  /** The bounds of a partition. */
  offsets(topic: string, partition: number): MemoryOffsets {
    const { id } = this.#topics.get(topic)
    const { beginning, end, stable } = this.#topics.partition(topic, partition)
    return { beginning, end, stable, logId: id }
  }

  /** The first offset whose record is not older than `timestamp`; the end when there is none. */
  offsetAt(topic: string, partition: number, timestamp: number): number {
    return this.#topics.partition(topic, partition).offsetAt(timestamp)
  }

  /** Partitions of a topic, created where that is allowed. */
  partitions(topic: string): number {
    return this.#topics.get(topic).partitions.length
  }

  /** Records from `offset` on; `undefined` when it lies outside `[beginning, end]`. */
  read(
    topic: string,
    { partition, offset }: Position,
    options: { readonly maxBytes: number; readonly isolation?: Isolation },
  ): Slice | undefined {
    const found = this.#topics.partition(topic, partition)
    if (offset < found.beginning || offset > found.end) return undefined
    return found.slice(offset, options.maxBytes, options.isolation === 'committed')
  }

  /**
   * Resolves once a read from one of the positions would say something new: a record, a later position, out of
   * range, or that the topic is gone. Rejects with `signal.reason`. Has no deadline but the signal.
   */
  waitFor(
    topic: string,
    positions: readonly Position[],
    options: { readonly isolation?: Isolation; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    const { isolation, signal } = options
    const { id } = this.#topics.get(topic)
    const ready = () => {
      const found = this.#topics.find(topic)
      if (found?.id !== id) return true
      return positions.some(({ partition, offset }) => {
        const held = found.partitions[partition]
        if (!held || offset < held.beginning || offset > held.end) return true
        return (isolation === 'committed' ? held.stable : held.end) > offset
      })
    }
    return this.#waiters.wait(topic, ready, signal)
  }

  /** How many calls of {@link waitFor} are open. */
  get waiting(): number {
    return this.#waiters.count
  }

  /** Kafka's DeleteRecords: `beginning` rises to `offset` (at most to the end). Without a partition: all, to their ends. */
  truncate(topic: string, partition?: number, offset: number = Infinity): void {
    const all = this.#topics.get(topic).partitions
    for (const held of partition === undefined ? all : [this.#topics.partition(topic, partition)]) {
      this.#resize(held, () => held.truncate(offset))
    }
    this.#waiters.wake(topic)
  }

  /**
   * Compacts a topic as a cleaner does that has seen everything: the last record of each key stays, offsets keep
   * their places and leave gaps, `beginning` does not move. Tombstones stay unless `dropTombstones`, as they do in
   * Kafka until `delete.retention.ms` has passed.
   */
  compact(topic: string, options: { readonly dropTombstones?: boolean } = {}): void {
    for (const held of this.#topics.get(topic).partitions) {
      this.#resize(held, () => held.compact(options.dropTombstones ?? false))
    }
  }

  /** Begins a transaction. */
  begin(): MemoryTransaction {
    const transaction: TransactionState = { state: 'open' }
    const touched = new Set<string>()
    const end = (state: 'committed' | 'aborted') => {
      if (transaction.state !== 'open') return
      transaction.state = state
      for (const topic of touched) {
        for (const partition of this.#topics.find(topic)?.partitions ?? [])
          partition.endTransaction(transaction)
        this.#waiters.wake(topic)
      }
    }
    return {
      append: (topic, record) => {
        if (transaction.state !== 'open') throw new KedgeError('ERR_CLOSED', 'the transaction has ended')
        touched.add(topic)
        return this.#append(topic, record, transaction)
      },
      commit: () => end('committed'),
      abort: () => end('aborted'),
    }
  }

  #append(topic: string, record: MemoryRecord, transaction?: TransactionState): StoredRecord {
    const { maxRecordBytes, retentionRecords, retentionBytes, now } = this.#options
    const found = this.#topics.get(topic)
    const headers = record.headers ?? []
    if (bytesOf({ ...record, headers }) > maxRecordBytes) {
      throw new KedgeError('ERR_TOO_LARGE', `the record is larger than ${maxRecordBytes} bytes`)
    }
    const count = found.partitions.length
    const chosen = record.partition ?? (record.key ? partitionOf(record.key, count) : found.turn++ % count)
    const partition = this.#topics.partition(topic, chosen)
    const stored = this.#resize(partition, () => {
      const appended = partition.append(
        {
          // Copies, because a producer may use its buffers again.
          key: record.key && record.key.slice(),
          value: record.value && record.value.slice(),
          timestamp: record.timestamp ?? now(),
          headers: headers.map(({ name, value }) => ({ name, value: value && value.slice() })),
        },
        transaction,
      )
      partition.retain(retentionRecords, retentionBytes)
      return appended
    })
    if (this.#bytes > this.#options.maxBytes) this.#shrink()
    this.#waiters.wake(topic)
    return stored
  }

  /** Takes the older half of the largest partition. Half, so that finding it is rare. */
  #shrink(): void {
    let largest: MemoryPartition | undefined
    for (const { partitions } of this.#topics.all()) {
      for (const partition of partitions) if (partition.bytes > (largest?.bytes ?? 0)) largest = partition
    }
    if (largest) this.#resize(largest, () => largest.retain(Infinity, largest.bytes / 2))
  }

  #resize<T>(partition: MemoryPartition, change: () => T): T {
    const before = partition.bytes
    const result = change()
    this.#bytes += partition.bytes - before
    return result
  }
}
