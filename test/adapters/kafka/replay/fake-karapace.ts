/** A Karapace REST proxy over a log in memory, held to the exchanges recorded with 5.0.3. */
import type { StoredRecord } from '../../../../src/testing/memory-partition.ts'
import { MemoryLog } from '../../../../src/testing/memory-log.ts'
import {
  type Asked,
  asText,
  type FakeProxy,
  isObject,
  jsonOf,
  lenient,
  newLog,
  partitionsOf,
  recordsFrom,
  toBase64,
  type Told,
} from './fake-proxy.ts'

const JSON_V2 = 'application/vnd.kafka.json.v2+json'
const NOT_HOSTED = 'This request is for a topic or partition that does not exist on this broker.'

const told = (status: number, body?: unknown, type = JSON_V2): Told =>
  body === undefined ? { status, type: 'application/json' } : { status, type, body }
const error = (status: number, code: number, message: string): Told =>
  told(status, { error_code: code, message })
const text = (status: number, body: string): Told => ({ status, type: 'text/plain; charset=utf-8', body })
const MALFORMED = error(422, 422, 'Invalid request format')

interface Place {
  readonly topic: string
  readonly partition: number
  offset: number | 'beginning' | 'end' | undefined
}

interface Consumer {
  readonly group: string
  readonly reset: string
  assigned: Place[]
  subscribed: boolean
  /** A seek before the first poll of an assignment is refused. */
  polled: boolean
  /** And for a while after it. */
  assignedAt: number
  readonly committed: Map<string, number>
}

export interface KarapaceOptions {
  /** From 5.1 on: what was fetched beyond `max_bytes` is dropped. @default false */
  readonly drops?: boolean
  /** The clock of what follows, in milliseconds. @default how long polls have waited */
  readonly now?: () => number
  /**
   * For how long after an assignment a seek is refused: until the consumer has its partitions.
   * @default 660 for 5.0.3, which took 500 to 660; 100 for 6.2.0
   */
  readonly placesAfterMs?: number
}

export class FakeKarapace implements FakeProxy {
  readonly log: MemoryLog
  readonly consumers = new Map<string, Consumer>()
  /** For how long polls have waited, in all. No test waits in real time. */
  waitedMs = 0
  /** What others do while the next poll waits. */
  during: (() => void) | undefined
  readonly #drops: boolean
  readonly #now: () => number
  readonly #placesAfterMs: number

  constructor(
    { drops = false, now, placesAfterMs = drops ? 100 : 660 }: KarapaceOptions = {},
    log: MemoryLog = newLog(),
  ) {
    this.#drops = drops
    this.#now = now ?? (() => this.waitedMs)
    this.#placesAfterMs = placesAfterMs
    this.log = log
  }

  readonly handle = (asked: Asked): Told => {
    const parts = asked.path.split('/').slice(1).map(decodeURIComponent)
    const line = `${asked.method} ${parts[0]}`
    if (asked.path === '/') return told(200, {})
    if (line === 'GET brokers') return told(200, { brokers: [1] })
    if (line === 'GET topics') return this.#describe(parts)
    if (line === 'POST topics') return this.#produce(asked, parts)
    if (parts[0] === 'consumers') return this.#consumers(asked, parts)
    return text(404, '404: Not Found')
  }

  #describe([, topic, partitions, number, offsets]: string[]): Told {
    if (topic === undefined) return told(200, this.log.topics())
    const count = partitionsOf(this.log, topic)
    const because = offsets === undefined ? '' : ': [Error 3] UnknownTopicOrPartitionError'
    if (count === undefined) {
      return error(404, offsets === undefined ? 40_403 : 40_401, `Topic ${topic} not found${because}`)
    }
    const partition = Number(number)
    if (number !== undefined && partition >= count) {
      return error(404, 40_402, `Partition ${partition} not found${because}`)
    }
    if (offsets !== undefined) {
      const { beginning, end } = this.log.offsets(topic, partition)
      return told(200, { beginning_offset: beginning, end_offset: end })
    }
    const all = Array.from({ length: count }, (_, at) => ({
      leader: 1,
      partition: at,
      replicas: [{ broker: 1, in_sync: true, leader: true }],
    }))
    if (number !== undefined) return told(200, all[partition])
    return told(200, partitions === undefined ? { configs: {}, name: topic, partitions: all } : all)
  }

  #produce(asked: Asked, [, topic = '', , number]: string[]): Told {
    const body = jsonOf(asked.text)
    if (body === undefined) return text(400, 'Invalid request JSON body')
    const records = isObject(body) ? body['records'] : undefined
    const count = partitionsOf(this.log, topic)
    if (count === undefined) return error(404, 40_401, `Topic ${topic} not found`)
    if (number !== undefined && Number(number) >= count) {
      return error(404, 40_402, `Partition ${number} not found`)
    }
    if (!Array.isArray(records) || records.length === 0 || !records.every(isRecord)) return MALFORMED
    const json = asked.headers.get('content-type') === JSON_V2
    const bad = json ? undefined : records.flatMap(({ key, value }) => [key, value]).find(isNotBase64)
    if (bad !== undefined) return error(400, 400, `data="${asText(bad)}"  is not a base64 string.`)
    const offsets = records.map((record) => this.#append(topic, count, json, record, number))
    const failed = offsets.some((one) => 'error_code' in one)
    return told(failed ? 422 : 200, { key_schema_id: null, offsets, value_schema_id: null })
  }

  #append(topic: string, count: number, json: boolean, record: Record<string, unknown>, number?: string) {
    const partition = number === undefined ? (record['partition'] as number | undefined) : Number(number)
    if (partition !== undefined && partition >= count) return { error: NOT_HOSTED, error_code: 2 }
    const value = stores(json, record['value'])
    const key = 'key' in record ? stores(json, record['key']) : null
    const stored = this.log.append(topic, { key, value, partition })
    // A message of no length counts as none where the acknowledgement is written.
    return { offset: value.length === 0 ? -1 : stored.offset, partition: stored.partition }
  }

  #consumers(asked: Asked, [, group = '', , id, action, place]: string[]): Told {
    if (id === undefined) return this.#create(asked, group)
    const name = `${group}/${id}`
    const consumer = this.consumers.get(name)
    if (!consumer) {
      const all = [...this.consumers.keys()].map((one) => `('${one.replace('/', "', '")}')`)
      const message = `Consumer for ('${group}', '${id}') not found among [${all.join(', ')}]`
      return error(404, 40_403, message)
    }
    if (asked.method === 'DELETE') {
      this.consumers.delete(name)
      return told(204)
    }
    const body = jsonOf(asked.text)
    if (action === 'records') return this.#poll(asked, consumer)
    if (action === 'assignments' && asked.method === 'GET') {
      return told(200, {
        partitions: consumer.assigned.map(({ topic, partition }) => ({ partition, topic })),
      })
    }
    if (action === 'assignments') return this.#assign(consumer, body)
    if (action === 'positions') return this.#seek(consumer, body, place)
    if (action === 'offsets') return commits(asked, consumer, body)
    return this.#subscribe(consumer, body)
  }

  #create(asked: Asked, group: string): Told {
    const type = asked.headers.get('content-type') ?? ''
    if (!type.endsWith('json')) return error(415, 415, 'HTTP 415 Unsupported Media Type')
    const body = jsonOf(asked.text) as Record<string, string>
    const name = body['name'] ?? crypto.randomUUID()
    if (this.consumers.has(`${group}/${name}`)) return error(409, 40_902, `Consumer ${name} already exists`)
    if (!['binary', 'json', 'avro'].includes(body['format'] ?? 'binary')) {
      return error(422, 42_204, 'Invalid format type')
    }
    const reset = body['auto.offset.reset'] ?? 'earliest'
    if (reset !== 'earliest' && reset !== 'latest') {
      const message =
        "Invalid value bar for configuration auto.offset.reset: String must be one of: {'earliest', 'latest'}"
      return error(422, 42_204, message)
    }
    this.consumers.set(`${group}/${name}`, {
      group,
      reset,
      assigned: [],
      subscribed: false,
      polled: false,
      assignedAt: 0,
      committed: new Map(),
    })
    return told(200, { base_uri: `consumers/${group}/instances/${name}`, instance_id: name })
  }

  #assign(consumer: Consumer, body: unknown): Told {
    if (consumer.subscribed) return illegal('IllegalStateError')
    const { partitions } = body as { partitions: { topic: string; partition: number }[] }
    consumer.assigned = partitions.map(({ topic, partition }) => ({ topic, partition, offset: undefined }))
    consumer.polled = false
    consumer.assignedAt = this.#now()
    return told(204)
  }

  #seek(consumer: Consumer, body: unknown, place: string | undefined): Told {
    const { offsets, partitions } = body as Record<
      string,
      { topic: string; partition: number; offset: number }[]
    >
    for (const { topic, partition, offset } of offsets ?? partitions ?? []) {
      if (offset < 0) return error(500, 50_001, 'offset must be a positive number')
      const own = consumer.assigned.find((one) => one.topic === topic && one.partition === partition)
      const isThere = consumer.polled && this.#now() - consumer.assignedAt >= this.#placesAfterMs
      if (!own || !isThere) {
        const about = `topic=${topic},partition=${partition},offset=${offset},leader_epoch=None,error=None`
        return illegal(`Partition TopicPartition{${about}} is unassigned`)
      }
      own.offset = (place as 'beginning' | 'end' | undefined) ?? offset
    }
    return told(204)
  }

  #subscribe(consumer: Consumer, body: unknown): Told {
    const { topics } = body as { topics: string[] }
    consumer.subscribed = true
    consumer.polled = true
    consumer.assigned = topics.flatMap((topic) =>
      Array.from({ length: partitionsOf(this.log, topic) ?? 0 }, (_, partition) => ({
        topic,
        partition,
        offset: consumer.committed.get(`${topic}/${partition}`),
      })),
    )
    return told(204)
  }

  #poll(asked: Asked, consumer: Consumer): Told {
    const accept = asked.headers.get('accept')
    if (accept !== 'application/vnd.kafka.binary.v2+json') {
      const format = accept === JSON_V2 ? 'json' : 'None'
      return error(406, 40_601, `Consumer format binary does not match the embedded format ${format}`)
    }
    const timeout = asked.query.get('timeout') ?? '11000'
    if (!/^-?\d+$/.test(timeout)) {
      return error(500, 500, `Invalid request parameters: <MultiDictProxy('timeout': '${timeout}')>`)
    }
    consumer.polled = true
    if (timeout === '0') return told(200, [])
    const maxBytes = Number(asked.query.get('max_bytes') ?? 67_108_864)
    const fetch = () => consumer.assigned.flatMap((place) => this.#fetch(consumer, place))
    let found = fetch()
    if (this.during) {
      this.during()
      this.during = undefined
      found = fetch()
    }
    const shown = this.#drops ? cutAndDropped(found, maxBytes) : cutAndKept(found, maxBytes)
    for (const { place, next } of shown.taken) place.offset = next
    // It waits for more until there is enough, or the time is up.
    this.waitedMs += shown.full ? 100 : Number(timeout)
    return told(200, shown.records)
  }

  #fetch({ reset }: Consumer, place: Place) {
    const { topic, partition } = place
    if (partitionsOf(this.log, topic) === undefined) return []
    const { beginning, end } = this.log.offsets(topic, partition)
    const at = place.offset === 'beginning' ? beginning : place.offset === 'end' ? end : place.offset
    const inside = at !== undefined && at >= beginning && at <= end
    place.offset = inside ? at : reset === 'latest' ? end : beginning
    const records = recordsFrom(this.log, topic, partition, place.offset)?.records ?? []
    return records.map((record) => ({ place, record }))
  }
}

interface Found {
  readonly place: Place
  readonly record: StoredRecord
}

interface Cut {
  readonly records: readonly unknown[]
  readonly taken: readonly { place: Place; next: number }[]
  /** Whether the poll was over before its time. */
  readonly full: boolean
}

const sizeOf = ({ record: { key, value } }: Found): number => (key?.length ?? 0) + (value?.length ?? 0)

const after = ({ place, record }: Found) => ({ place, next: record.offset + 1 })

/** 5.0.3: stops once `maxBytes` are reached, after one record at least. */
function cutAndKept(found: readonly Found[], maxBytes: number): Cut {
  const some = upTo(found, maxBytes)
  return { records: some.map(shown), taken: some.map(after), full: bytesOf(some) >= maxBytes }
}

/** 5.1 and later: fetches a record for each KiB of `maxBytes`, and leaves those out that do not fit any more. */
function cutAndDropped(found: readonly Found[], maxBytes: number): Cut {
  const count = Math.max(1, Math.floor(maxBytes / 1024))
  const fetched = found.slice(0, count)
  return {
    records: upTo(fetched, maxBytes).map(shown),
    taken: fetched.map(after),
    full: fetched.length === count,
  }
}

const bytesOf = (found: readonly Found[]): number => found.reduce((sum, one) => sum + sizeOf(one), 0)

function upTo(found: readonly Found[], maxBytes: number): Found[] {
  let bytes = 0
  return found.filter((one) => {
    const room = bytes < maxBytes
    bytes += sizeOf(one)
    return room
  })
}

/** Empty and null are one. */
const show = (bytes: Uint8Array | null): string | null => (bytes?.length ? toBase64(bytes) : null)

const shown = ({ place: { topic, partition }, record: { offset, timestamp, key, value } }: Found) => ({
  key: show(key),
  offset,
  partition,
  timestamp,
  topic,
  value: show(value),
})

const illegal = (message: string): Told => error(409, 40_903, message)

function commits(asked: Asked, { committed }: Consumer, body: unknown): Told {
  if (asked.method === 'POST') {
    const { offsets } = body as { offsets: { topic: string; partition: number; offset: number }[] }
    for (const { topic, partition, offset } of offsets) committed.set(`${topic}/${partition}`, offset + 1)
    return told(204)
  }
  const { partitions } = body as { partitions: { topic: string; partition: number }[] }
  const offsets = partitions.map(({ topic, partition }) => ({
    metadata: '',
    offset: committed.get(`${topic}/${partition}`),
    partition,
    topic,
  }))
  return told(200, { offsets })
}

function isRecord(record: unknown): record is Record<string, unknown> {
  return isObject(record) && Object.keys(record).every((name) => ['key', 'value', 'partition'].includes(name))
}

function isNotBase64(value: unknown): boolean {
  return typeof value === 'string' && value.replaceAll(/[^A-Za-z0-9+/]/g, '').length % 4 === 1
}

/** Null, and everything that Python calls false, is empty. */
function stores(json: boolean, value: unknown): Uint8Array {
  if (value === null || value === undefined || value === '') return new Uint8Array()
  return json ? new TextEncoder().encode(JSON.stringify(value)) : lenient(asText(value))
}
