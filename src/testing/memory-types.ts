/** What goes into the log in memory, and what comes out. @module */
import type { RecordHeader, StoredRecord } from './memory-partition.ts'

export interface MemoryLogOptions {
  /** Topics to create at once: how many partitions each has. */
  readonly topics?: Readonly<Record<string, number>>
  /** Whether a topic that is written, read or asked for its offsets comes into being. @default true */
  readonly autoCreate?: boolean
  /** Partitions of a topic that is created without a number. @default 1 */
  readonly partitions?: number
  /** Records held in a partition; beyond it the oldest go and `beginning` rises. @default 100_000 */
  readonly retentionRecords?: number
  /** Bytes of keys, values and headers held in a partition. @default 16_777_216 */
  readonly retentionBytes?: number
  /** Bytes held in all; beyond it the largest partition loses its older half. @default 268_435_456 */
  readonly maxBytes?: number
  /** The largest record, Kafka's `max.message.bytes`. @default 1_048_576 */
  readonly maxRecordBytes?: number
  /** Topics beyond this are not created. @default 1000 */
  readonly maxTopics?: number
  /** Wall clock for timestamps, milliseconds since the epoch. @default the platform's */
  readonly now?: () => number
  /** Randomness for the identities of topics, in `[0, 1)`. @default the platform's */
  readonly random?: () => number
}

/** A record to append. Without `partition` its key decides (murmur2, as Java's producer), else each in turn. */
export interface MemoryRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly partition?: number | undefined
  /** Milliseconds since the epoch. @default the log's clock */
  readonly timestamp?: number | undefined
  readonly headers?: readonly RecordHeader[] | undefined
}

export interface TopicDescription {
  readonly name: string
  /** Kafka's topic id: another one after the topic was deleted and created again. */
  readonly id: string
  readonly partitions: number
}

export interface MemoryOffsets {
  readonly beginning: number
  readonly end: number
  /** Where reading committed records stops; equals `end` while no transaction is open. */
  readonly stable: number
  readonly logId: string
}

export type Isolation = 'uncommitted' | 'committed'

/** A transaction: its records are hidden from committed reads until it is committed. */
export interface MemoryTransaction {
  append(topic: string, record: MemoryRecord): StoredRecord
  commit(): void
  abort(): void
}
