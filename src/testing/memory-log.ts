/**
 * A model of Kafka in memory: topics with an identity, partitions with offsets, retention, compaction,
 * transactions and long polls. It stands behind `memory()` and behind the gateway's `--log memory`.
 *
 * @module
 */
import { KedgeError } from '../ports/errors.ts'
import type { Position } from '../ports/kafka-log.ts'
import { partitionOf } from '../wire/partitioner.ts'
import { systemRuntime } from '../ports/runtime.ts'
import { bytesOf, MemoryPartition } from './memory-partition.ts'
import type { Slice, StoredRecord, TransactionState } from './memory-partition.ts'
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

interface Topic {
  readonly name: string
  readonly id: string
  partitions: readonly MemoryPartition[]
  turn: number
}

const TOPIC_NAME = /^(?!\.\.?$)[\w.-]{1,249}$/
const ID_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Most partitions of one topic. */
const MAX_PARTITIONS = 1000

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
  #options: Required<Omit<MemoryLogOptions, 'topics'>>
  readonly #topics = new Map<string, Topic>()
  readonly #waiters = new MemoryWaiters()
  #bytes = 0

  constructor(options: MemoryLogOptions = {}) {
    const runtime = systemRuntime()
    const { topics = {}, ...rest } = options
    this.#options = {
      autoCreate: true,
      partitions: 1,
      retentionRecords: 100_000,
      retentionBytes: 16_777_216,
      maxBytes: 268_435_456,
      maxRecordBytes: 1_048_576,
      maxTopics: 1000,
      now: () => runtime.now(),
      random: () => runtime.random(),
    } satisfies Required<Omit<MemoryLogOptions, 'topics'>>
    for (const name of Object.keys(rest)) {
      if (!(name in this.#options)) throw new TypeError(`\`${name}\` is not an option of the memory log`)
    }
    this.#options = { ...this.#options, ...rest }
    for (const [name, value] of Object.entries(this.#options)) {
      if (typeof value === 'number') atLeastOne(value, name)
    }
    for (const [name, partitions] of Object.entries(topics)) this.createTopic(name, { partitions })
  }

  /** Names of the topics, in order of creation. */
  topics(): string[] {
    return [...this.#topics.keys()]
  }

  /** A topic that exists; never creates one. */
  describe(topic: string): TopicDescription | undefined {
    const found = this.#topics.get(topic)
    return found && { name: topic, id: found.id, partitions: found.partitions.length }
  }

  /** @throws TypeError when the name or number is not one Kafka allows, or the topic exists. */
  createTopic(topic: string, options: { readonly partitions?: number } = {}): TopicDescription {
    const partitions = atLeastOne(options.partitions ?? this.#options.partitions, 'partitions')
    if (partitions > MAX_PARTITIONS) throw new TypeError(`\`partitions\` must be at most ${MAX_PARTITIONS}`)
    if (!TOPIC_NAME.test(topic))
      throw new TypeError('`topic` must be 1 to 249 letters, digits, `.`, `_` or `-`')
    if (this.#topics.has(topic)) throw new TypeError(`\`topic\` ${topic} exists`)
    if (this.#topics.size >= this.#options.maxTopics) {
      throw new KedgeError('ERR_TOO_LARGE', `more than ${this.#options.maxTopics} topics`)
    }
    const id = Array.from({ length: 22 }, () => ID_ALPHABET[Math.floor(this.#options.random() * 64)]).join('')
    this.#topics.set(topic, {
      name: topic,
      id,
      partitions: Array.from({ length: partitions }, (_, partition) => new MemoryPartition(partition)),
      turn: 0,
    })
    return { name: topic, id, partitions }
  }

  /** Deletes a topic with all it holds; wakes the calls that wait for it. */
  deleteTopic(topic: string): void {
    for (const partition of this.#topics.get(topic)?.partitions ?? []) this.#bytes -= partition.bytes
    this.#topics.delete(topic)
    this.#waiters.wake(topic)
  }

  /** Deletes a topic and creates it again, empty, with as many partitions and another identity. */
  recreateTopic(topic: string): TopicDescription {
    const { partitions } = this.describe(topic) ?? this.#unknown(topic)
    this.deleteTopic(topic)
    return this.createTopic(topic, { partitions })
  }

  /**
   * Kafka's CreatePartitions: the topic has `total` partitions from now on, the new ones empty. Its identity stays.
   * @throws TypeError when there are as many already: Kafka takes none away.
   */
  addPartitions(topic: string, total: number): TopicDescription {
    const found = this.#topics.get(topic) ?? this.#unknown(topic)
    const before = found.partitions.length
    if (!(atLeastOne(total, 'total') > before && total <= MAX_PARTITIONS))
      throw new TypeError(`\`total\` must be above ${before} and at most ${MAX_PARTITIONS}, got ${total}`)
    const added = Array.from({ length: total - before }, (_, at) => new MemoryPartition(before + at))
    found.partitions = [...found.partitions, ...added]
    return { name: topic, id: found.id, partitions: total }
  }

  /** Appends one record; wakes the calls that wait for its topic. */
  append(topic: string, record: MemoryRecord): StoredRecord {
    return this.#append(topic, record)
  }

  /** The bounds of a partition. */
  offsets(topic: string, partition: number): MemoryOffsets {
    const { id } = this.#topic(topic)
    const { beginning, end, stable } = this.#partition(topic, partition)
    return { beginning, end, stable, logId: id }
  }

  /** The first offset whose record is not older than `timestamp`; the end when there is none. */
  offsetAt(topic: string, partition: number, timestamp: number): number {
    return this.#partition(topic, partition).offsetAt(timestamp)
  }

  /** Partitions of a topic, created where that is allowed. */
  partitions(topic: string): number {
    return this.#topic(topic).partitions.length
  }

  /** Records from `offset` on; `undefined` when it lies outside `[beginning, end]`. */
  read(
    topic: string,
    { partition, offset }: Position,
    options: { readonly maxBytes: number; readonly isolation?: Isolation },
  ): Slice | undefined {
    const found = this.#partition(topic, partition)
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
    const { id } = this.#topic(topic)
    const ready = () => {
      const found = this.#topics.get(topic)
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
    const all = this.#topic(topic).partitions
    for (const held of partition === undefined ? all : [this.#partition(topic, partition)]) {
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
    for (const held of this.#topic(topic).partitions) {
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
        for (const partition of this.#topics.get(topic)?.partitions ?? [])
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
    const found = this.#topic(topic)
    const headers = record.headers ?? []
    if (bytesOf({ ...record, headers }) > maxRecordBytes) {
      throw new KedgeError('ERR_TOO_LARGE', `the record is larger than ${maxRecordBytes} bytes`)
    }
    const count = found.partitions.length
    const chosen = record.partition ?? (record.key ? partitionOf(record.key, count) : found.turn++ % count)
    const partition = this.#partition(topic, chosen)
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
    for (const { partitions } of this.#topics.values()) {
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

  #topic(topic: string): Topic {
    const found = this.#topics.get(topic)
    if (found) return found
    if (!this.#options.autoCreate || !TOPIC_NAME.test(topic)) return this.#unknown(topic)
    this.createTopic(topic)
    return this.#topics.get(topic)!
  }

  #partition(topic: string, partition: number): MemoryPartition {
    const found = this.#topic(topic).partitions[partition]
    if (!found) throw new KedgeError('ERR_UNKNOWN_TOPIC', `topic ${topic} has no partition ${partition}`)
    return found
  }

  #unknown(topic: string): never {
    throw new KedgeError('ERR_UNKNOWN_TOPIC', `there is no topic ${topic.slice(0, 249)}`)
  }
}

function atLeastOne(value: number, option: string): number {
  if (!(value >= 1) || (!Number.isInteger(value) && value !== Infinity)) {
    throw new TypeError(`\`${option}\` must be a whole number of at least 1, got ${value}`)
  }
  return value
}
