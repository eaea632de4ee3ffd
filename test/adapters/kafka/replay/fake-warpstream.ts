/** A WarpStream agent over a log in memory: its HTTP fetch as the vendor's page and a client of it describe it. */
import { MemoryLog } from '../../../../src/testing/memory-log.ts'
import {
  type Asked,
  type FakeProxy,
  jsonOf,
  newLog,
  partitionsOf,
  recordsFrom,
  toBase64,
  type Told,
} from './fake-proxy.ts'

const OUT_OF_RANGE = 1
const UNKNOWN_TOPIC = 3

export interface WarpstreamTold {
  /** Whether answers name where the log begins, as Kafka's do since version 5 of its Fetch. */
  readonly logStart: boolean
  /** Whether they name the end when the position is out of range; Kafka's do not. */
  readonly endOutside: boolean
}

interface AskedPartition {
  readonly partition: number
  readonly fetch_offset: number
  readonly partition_max_bytes: number
}

export class FakeWarpstream implements FakeProxy {
  readonly log: MemoryLog
  readonly #tells: WarpstreamTold

  constructor(tells: WarpstreamTold, log: MemoryLog = newLog()) {
    this.#tells = tells
    this.log = log
  }

  readonly handle = (asked: Asked): Told => {
    if (asked.path !== '/v1/kafka/fetch')
      return { status: 404, type: 'text/plain', body: '404 page not found\n' }
    const body = jsonOf(asked.text) as { topics: { topic: string; partitions: AskedPartition[] }[] }
    const topics = body.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map((one) => this.#fetch(topic, one)),
    }))
    return { status: 200, type: 'application/json', body: { topics } }
  }

  #fetch(topic: string, { partition, fetch_offset: offset, partition_max_bytes: maxBytes }: AskedPartition) {
    if (partition >= (partitionsOf(this.log, topic) ?? 0)) {
      return { partition, error_code: UNKNOWN_TOPIC, high_watermark: -1, records: [] }
    }
    const { beginning, end } = this.log.offsets(topic, partition)
    const found = recordsFrom(this.log, topic, partition, offset)
    const start = this.#tells.logStart ? { log_start_offset: found ? beginning : -1 } : {}
    if (!found) {
      const high_watermark = this.#tells.endOutside ? end : -1
      return { partition, error_code: OUT_OF_RANGE, high_watermark, ...start, records: null }
    }
    let bytes = 0
    const records = found.records.filter(({ key, value }, at) => {
      bytes += (key?.length ?? 0) + (value?.length ?? 0)
      return at === 0 || bytes <= maxBytes
    })
    return {
      partition,
      error_code: 0,
      high_watermark: end,
      ...start,
      records: records.map((record) => ({
        offset: record.offset,
        timestamp: record.timestamp,
        key: record.key && toBase64(record.key),
        value: record.value && toBase64(record.value),
      })),
    }
  }
}
