/** Kafka; the trace records everything that happens in it. @module */
import { gunzipSync } from 'node:zlib'
import { MemoryLog } from '../../../src/testing/memory-log.ts'
import type { MemoryRecord, MemoryTransaction } from '../../../src/testing/memory-log.ts'
import type { StoredRecord } from '../../../src/testing/memory-partition.ts'
import type { Record } from './record.ts'
import { EPOCH, type Universe } from './universe.ts'

/** Before what `upstash()` writes in base64. */
const MARK = 'kedge-base64:'

type Change = 'truncated' | 'recreated' | 'partitions' | 'compacted' | 'aborted'

export class SimLog extends MemoryLog {
  readonly #record: Record

  constructor(universe: Universe, record: Record) {
    super({
      autoCreate: false,
      now: () => EPOCH + Math.floor(universe.now),
      random: universe.randomOf('log'),
    })
    this.#record = record
  }

  override append(topic: string, record: MemoryRecord): StoredRecord {
    return this.#told(topic, super.append(topic, record))
  }

  override begin(): MemoryTransaction {
    const inner = super.begin()
    return { ...inner, append: (topic, record) => this.#told(topic, inner.append(topic, record)) }
  }

  /** Records what a topic has become. */
  changed(change: Change, topic: string): void {
    for (let partition = 0; partition < this.partitions(topic); partition++) {
      const { beginning, end, logId } = this.offsets(topic, partition)
      this.#record.tell({ type: 'log', change, topic, partition, beginning, end, logId })
    }
  }

  #told(topic: string, stored: StoredRecord): StoredRecord {
    const { partition, offset } = stored
    const { logId } = this.offsets(topic, partition)
    const text = textOf(stored.value)
    const key = topic === 'cache-evictions' && stored.key !== null ? textOf(stored.key) : undefined
    const routed = key === undefined || text.includes(JSON.stringify(key)) ? {} : { key }
    this.#record.tell({ type: 'appended', topic, partition, offset, logId, text, ...routed })
    return stored
  }
}

/** What the bytes say, as far as one can read them. */
function textOf(value: Uint8Array | null): string {
  if (value === null) return ''
  let bytes = value
  try {
    const marked = Buffer.from(value).toString('latin1', 0, MARK.length) === MARK
    if (marked) bytes = Buffer.from(Buffer.from(value).toString('latin1', MARK.length), 'base64')
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = gunzipSync(bytes, { maxOutputLength: 10_000_000 })
  } catch {
    // What cannot be read is shown as it stands.
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
}
