/** A Redpanda HTTP Proxy over a log in memory, made to its sources and held to the exchanges in their tests. */
import { MemoryLog } from '../../../../src/testing/memory-log.ts'
import type { StoredRecord } from '../../../../src/testing/memory-partition.ts'
import {
  type Asked,
  type FakeProxy,
  isObject,
  jsonOf,
  lenient,
  newLog,
  partitionsOf,
  recordsFrom,
  toBase64,
  type Told,
  waitFor,
} from './fake-proxy.ts'

const V2 = 'application/vnd.kafka.v2+json'
const BINARY = 'application/vnd.kafka.binary.v2+json'

const told = (status: number, body: unknown, type = V2): Told => ({ status, type, body })
const error = (status: number, code: number, message: string): Told =>
  told(status, { error_code: code, message })

export class FakeRedpanda implements FakeProxy {
  readonly log: MemoryLog
  /** What stands in a batch behind its first record, by log and partition: reads return whole batches. */
  readonly #inner = new Map<string, Set<number>>()

  constructor(log: MemoryLog = newLog()) {
    this.log = log
  }

  readonly handle = (asked: Asked): Told | Promise<Told> => {
    const parts = asked.path.split('/').slice(1).map(decodeURIComponent)
    const line = `${asked.method} ${parts.length}`
    if (asked.method === 'GET' && parts[0] === 'brokers') return told(200, { brokers: [1] })
    if (parts[0] === 'topics' && line === 'POST 2') return this.#produce(asked, parts[1] ?? '')
    if (parts[0] === 'topics' && line === 'GET 5') return this.#read(asked, parts[1] ?? '', Number(parts[3]))
    return error(404, 404, 'Not found')
  }

  async #read(asked: Asked, topic: string, partition: number): Promise<Told> {
    if (asked.headers.get('accept') !== BINARY) return error(406, 406, 'HTTP 406 Not Acceptable')
    for (const name of ['offset', 'timeout', 'max_bytes']) {
      if (!asked.query.has(name)) return error(400, 40_002, `Missing mandatory parameter '${name}'`)
    }
    if (topic === '') return error(400, 40_002, "Missing mandatory parameter 'topic_name'")
    const offset = Number(asked.query.get('offset'))
    if (partition >= (partitionsOf(this.log, topic) ?? 0)) {
      return error(404, 40_402, 'unknown_topic_or_partition')
    }
    const timeout = Number(asked.query.get('timeout'))
    const { end } = this.log.offsets(topic, partition)
    if (offset === end && timeout > 0) await waitFor(this.log, topic, [{ partition, offset }], timeout)
    const slice = recordsFrom(this.log, topic, partition, offset)
    if (!slice) return error(400, 40_002, 'offset_out_of_range')
    const records = this.#wholeBatches(topic, partition, offset, Number(asked.query.get('max_bytes')))
    return told(
      200,
      records.map(({ key, value, offset: at }) => ({
        topic,
        key: shown(key),
        value: shown(value),
        partition,
        offset: at,
      })),
      BINARY,
    )
  }

  /** From the beginning of the batch that holds the offset, whatever lies before it in there. */
  #wholeBatches(topic: string, partition: number, offset: number, maxBytes: number): StoredRecord[] {
    const { beginning, end } = this.log.offsets(topic, partition)
    if (offset >= end) return []
    const inner = this.#innerOf(topic, partition)
    let first = offset
    while (first > beginning && inner.has(first)) first--
    const records = recordsFrom(this.log, topic, partition, first)?.records ?? []
    let bytes = 0
    const full = records.findIndex(({ key, value, offset: at }) => {
      if (bytes >= maxBytes && !inner.has(at)) return true
      bytes += (key?.length ?? 0) + (value?.length ?? 0)
      return false
    })
    return full === -1 ? [...records] : records.slice(0, full)
  }

  #innerOf(topic: string, partition: number): Set<number> {
    const name = `${this.log.offsets(topic, partition).logId}/${partition}`
    const inner = this.#inner.get(name) ?? new Set()
    this.#inner.set(name, inner)
    return inner
  }

  #produce(asked: Asked, topic: string): Told {
    if (asked.headers.get('content-type') !== BINARY) return error(415, 415, 'Unsupported Media Type')
    const body = jsonOf(asked.text)
    const records = isObject(body) ? body['records'] : undefined
    if (!Array.isArray(records) || !records.every(isRecord)) {
      return error(422, 422, 'parse error at offset 17')
    }
    const count = partitionsOf(this.log, topic) ?? 0
    const first = new Map<number, number>()
    for (const { key, value, partition } of records as {
      key?: string
      value?: string
      partition?: number
    }[]) {
      if (partition === undefined ? count === 0 : partition >= count) {
        return told(200, { offsets: [{ partition: partition ?? 0, error_code: 3, offset: -1 }] })
      }
      const stored = this.log.append(topic, {
        key: lenient(key ?? ''),
        value: value === undefined ? null : lenient(value),
        partition,
      })
      if (!first.has(stored.partition)) first.set(stored.partition, stored.offset)
      else this.#innerOf(topic, stored.partition).add(stored.offset)
    }
    // One entry for each partition: the offset of its first record.
    return told(200, { offsets: [...first].map(([partition, offset]) => ({ partition, offset })) })
  }
}

/** Any other field is an error of parsing, and so is a null. */
const isRecord = (record: unknown): boolean =>
  isObject(record) &&
  Object.entries(record).every(
    ([name, value]) => ['key', 'value', 'partition'].includes(name) && value !== null,
  )

const shown = (bytes: Uint8Array | null): string | null => (bytes?.length ? toBase64(bytes) : null)
