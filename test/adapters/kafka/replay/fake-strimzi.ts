/** A Strimzi bridge 0.33.1 over a log in memory, held to the recorded exchanges. */
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
  waitFor,
} from './fake-proxy.ts'

const V2 = 'application/vnd.kafka.v2+json'
const BINARY = 'application/vnd.kafka.binary.v2+json'
const JSON_TYPE = 'application/vnd.kafka.json.v2+json'
const TEXT = 'application/vnd.kafka.text.v2+json'
const FORMATS: Record<string, string> = { binary: BINARY, json: JSON_TYPE, text: TEXT }
const UNKNOWN =
  'org.apache.kafka.common.errors.UnknownTopicOrPartitionException: This server does not host this topic-partition.'
/** `fetch.max.wait.ms`: for so long an idle fetch stays at the broker. */
const PARKED_MS = 500

const told = (status: number, body?: unknown, type = V2): Told =>
  body === undefined ? { status } : { status, type, body }
const error = (code: number, message: string): Told => told(code, { error_code: code, message })
const invalid = (what: string): Told => error(400, `Validation error on: ${what}`)
const UNTYPED = invalid('The format of the request body is not supported')
const SCHEMA = invalid('Schema validation error')

interface Consumer {
  readonly format: string
  readonly reset: string
  readonly isolation: 'committed' | 'uncommitted'
  topic: string | undefined
  positions: Map<number, number | 'beginning' | 'end' | undefined>
  /** Parameters of a poll stick to later ones that leave them out. */
  timeout: number
  maxBytes: number
  /** Whether the last poll found nothing, and for how long its fetch is still at the broker after a seek. */
  idle: boolean
  parkedMs: number
  /** One consumer is one lock. */
  turn: Promise<unknown>
}

export class FakeStrimzi implements FakeProxy {
  readonly log: MemoryLog
  readonly consumers = new Map<string, Consumer>()
  readonly #waits: boolean
  #made = 0

  /** @param waits whether an idle poll lasts as long as it says; else it is over at once */
  constructor(waits: boolean, log: MemoryLog = newLog()) {
    this.#waits = waits
    this.log = log
  }

  readonly handle = (asked: Asked): Told | Promise<Told> => {
    const parts = asked.path.split('/').slice(1).map(decodeURIComponent)
    const line = `${asked.method} ${parts[0]}`
    if (asked.path === '/' && asked.method === 'GET') return told(200, { bridge_version: '0.33.1' })
    if (asked.method === 'PUT') return told(405)
    if (line === 'POST admin') return this.#admin(asked)
    if (line === 'GET topics') return this.#describe(parts)
    if (line === 'POST topics') return this.#produce(asked, parts)
    if (parts[0] === 'consumers') return this.#consumers(asked, parts)
    return error(404, 'Not Found')
  }

  #admin(asked: Asked): Told {
    const body = jsonOf(asked.text) as { topic_name: string; partitions_count: number }
    if (this.log.describe(body.topic_name)) return error(500, `Topic '${body.topic_name}' already exists.`)
    this.log.createTopic(body.topic_name, { partitions: body.partitions_count })
    return told(201, {})
  }

  #describe([, topic, partitions, number, offsets]: string[]): Told {
    if (topic === undefined) return told(200, this.log.topics())
    const count = partitionsOf(this.log, topic)
    if (count === undefined) return error(404, UNKNOWN)
    const all = Array.from({ length: count }, (_, partition) => ({
      partition,
      leader: 1,
      replicas: [{ broker: 1, leader: true, in_sync: true }],
    }))
    const partition = number === undefined ? undefined : Number(number)
    if (partition !== undefined && partition >= count) {
      return error(404, `Topic '${topic}' does not have partition with id ${partition}`)
    }
    if (offsets !== undefined && partition !== undefined) {
      const { beginning, end } = this.log.offsets(topic, partition)
      return told(200, { beginning_offset: beginning, end_offset: end })
    }
    if (partition !== undefined) return told(200, all[partition])
    return told(200, partitions === undefined ? { name: topic, configs: {}, partitions: all } : all)
  }

  #produce(asked: Asked, [, topic = '', , number]: string[]): Told {
    const format = Object.keys(FORMATS).find((name) => FORMATS[name] === asked.headers.get('content-type'))
    if (format === undefined) return UNTYPED
    const body = jsonOf(asked.text)
    if (!isObject(body)) return invalid("The request body can't be decoded")
    const { records, ...others } = body
    if (!Array.isArray(records) || Object.keys(others).length > 0) return SCHEMA
    if (!records.every((record) => isValid(record, format))) return SCHEMA
    const offsets = (records as Record<string, unknown>[]).map((record) =>
      this.#append(topic, format, {
        ...record,
        ...(number === undefined ? {} : { partition: Number(number) }),
      }),
    )
    return asked.query.get('async') === 'true' ? told(204) : told(200, { offsets })
  }

  #append(topic: string, format: string, record: Record<string, unknown>): unknown {
    const count = partitionsOf(this.log, topic)
    // After `max.block.ms`, inside of a 200.
    if (count === undefined) {
      return { error_code: 404, message: `Topic ${topic} not present in metadata after 3000 ms.` }
    }
    const partition = record['partition'] as number | undefined
    if (partition !== undefined && partition >= count) {
      const message = `Partition ${partition} of topic ${topic} with partition count ${count} is not present in metadata after 3000 ms.`
      return { error_code: 404, message }
    }
    const headers = (record['headers'] ?? []) as { key: string; value: string }[]
    const stored = this.log.append(topic, {
      key: record['key'] === undefined || record['key'] === null ? null : stores(format, record['key']),
      value: stores(format, record['value']),
      partition,
      ...(record['timestamp'] === undefined ? {} : { timestamp: record['timestamp'] as number }),
      headers: headers.map(({ key, value }) => ({ name: key, value: lenient(value) })),
    })
    return { partition: stored.partition, offset: stored.offset }
  }

  #consumers(asked: Asked, [, group = '', , id, action, place]: string[]): Told | Promise<Told> {
    if (id === undefined) return this.#create(asked, group)
    const name = `${group}/${id}`
    const consumer = this.consumers.get(name)
    if (!consumer) return error(404, 'The specified consumer instance was not found.')
    if (asked.method === 'DELETE') {
      this.consumers.delete(name)
      return told(204)
    }
    if (action === 'records') return locked(consumer, () => this.#poll(asked, consumer))
    if (action === 'offsets') return told(asked.method === 'GET' ? 405 : 204)
    if (action === 'subscription') {
      return error(409, 'Subscriptions to topics, partitions, and patterns are mutually exclusive.')
    }
    if (asked.headers.get('content-type') !== V2) return UNTYPED
    if (action === 'assignments') return assign(asked, consumer)
    return locked(consumer, async () => seek(asked, consumer, place))
  }

  #create(asked: Asked, group: string): Told {
    if (asked.headers.get('content-type') !== V2) return UNTYPED
    const body = jsonOf(asked.text) as Record<string, unknown>
    const allowed = ['name', 'format', 'auto.offset.reset', 'enable.auto.commit', 'fetch.min.bytes']
    allowed.push('consumer.request.timeout.ms', 'isolation.level')
    if (Object.keys(body).some((name) => !allowed.includes(name))) return SCHEMA
    if (!['boolean', 'undefined'].includes(typeof body['enable.auto.commit'])) return SCHEMA
    const format = asText(body['format'] ?? 'binary')
    if (!(format in FORMATS)) return error(422, 'Invalid format type.')
    const id = asText(body['name'] ?? `lab-${++this.#made}`)
    if (this.consumers.has(`${group}/${id}`)) {
      return error(409, 'A consumer instance with the specified name already exists in the Kafka Bridge.')
    }
    this.consumers.set(`${group}/${id}`, {
      format,
      reset: asText(body['auto.offset.reset'] ?? 'earliest'),
      isolation: body['isolation.level'] === 'read_committed' ? 'committed' : 'uncommitted',
      topic: undefined,
      positions: new Map(),
      timeout: 100,
      maxBytes: Number.MAX_SAFE_INTEGER,
      idle: false,
      parkedMs: 0,
      turn: Promise.resolve(),
    })
    // The address is that of the request, or what a header says.
    const host = asked.headers.get('x-forwarded-host') ?? '127.0.0.1:18080'
    const scheme = asked.headers.get('x-forwarded-proto') ?? 'http'
    const base_uri = `${scheme}://${host}/consumers/${group}/instances/${id}`
    return told(200, { instance_id: id, base_uri })
  }

  async #poll(asked: Asked, consumer: Consumer): Promise<Told> {
    const type = FORMATS[consumer.format] ?? ''
    if (asked.headers.get('accept') !== type) {
      return error(406, 'Consumer format does not match the embedded format requested by the Accept header.')
    }
    const [timeout, maxBytes] = ['timeout', 'max_bytes'].map((name) => asked.query.get(name))
    if (timeout !== null && !/^\d+$/.test(timeout ?? '')) return SCHEMA
    if (timeout) consumer.timeout = Number(timeout)
    if (maxBytes) consumer.maxBytes = Number(maxBytes)
    const { topic } = consumer
    if (topic === undefined) {
      return error(500, 'Consumer is not subscribed to any topics or assigned any partitions')
    }
    if (partitionsOf(this.log, topic) === undefined) return told(200, [], type)
    const refused = this.#place(consumer, topic)
    if (refused) return refused
    if (consumer.parkedMs > consumer.timeout) {
      consumer.parkedMs -= consumer.timeout
      return told(200, [], type)
    }
    consumer.parkedMs = 0
    let found = this.#take(consumer, topic)
    if (found.length === 0 && this.#waits) {
      await waitFor(this.log, topic, places(consumer), consumer.timeout)
      found = this.#take(consumer, topic)
    }
    consumer.idle = found.length === 0
    let records: unknown[]
    try {
      records = found.map((record) => shown(topic, consumer.format, record))
    } catch {
      return error(406, 'Failed to decode:Unrecognized token')
    }
    // Measured after the fetch: what is too large has been passed.
    if (JSON.stringify(records).length > consumer.maxBytes) {
      return error(422, 'Response exceeds the maximum number of bytes the consumer can receive')
    }
    return told(200, records, type)
  }

  /** Turns every position into an offset inside of the log. */
  #place(consumer: Consumer, topic: string): Told | undefined {
    for (const [partition, position] of consumer.positions) {
      const { beginning, end } = this.log.offsets(topic, partition)
      if (position === undefined && consumer.reset === 'none') {
        const message = `org.apache.kafka.clients.consumer.NoOffsetForPartitionException: Undefined offset with no reset policy for partitions: [${topic}-${partition}]`
        return error(500, message)
      }
      const sought = position === 'beginning' ? beginning : position === 'end' ? end : position
      if (sought !== undefined && sought >= beginning && sought <= end) {
        consumer.positions.set(partition, sought)
      } else if (consumer.reset === 'none') {
        const message = `org.apache.kafka.clients.consumer.OffsetOutOfRangeException: Fetch position FetchPosition{offset=${sought}} is out of range for partition ${topic}-${partition}`
        return error(500, message)
      } else {
        consumer.positions.set(partition, consumer.reset === 'latest' ? end : beginning)
      }
    }
    return undefined
  }

  #take(consumer: Consumer, topic: string) {
    return places(consumer).flatMap(({ partition, offset }) => {
      const slice = recordsFrom(this.log, topic, partition, offset, consumer.isolation)
      if (slice) consumer.positions.set(partition, slice.next)
      return slice?.records ?? []
    })
  }
}

const places = (consumer: Consumer) =>
  [...consumer.positions].map(([partition, offset]) => ({ partition, offset: Number(offset) }))

function locked(consumer: Consumer, work: () => Promise<Told>): Promise<Told> {
  const mine = consumer.turn.then(work)
  consumer.turn = mine.catch(() => undefined)
  return mine
}

function assign(asked: Asked, consumer: Consumer): Told {
  const { partitions } = jsonOf(asked.text) as { partitions: { topic: string; partition: number }[] }
  consumer.topic = partitions[0]?.topic
  const before = consumer.positions
  consumer.positions = new Map(partitions.map(({ partition }) => [partition, before.get(partition)]))
  return told(204)
}

function seek(asked: Asked, consumer: Consumer, place: string | undefined): Told {
  const body = jsonOf(asked.text) as Record<string, { topic: string; partition: number; offset?: number }[]>
  for (const { topic, partition, offset = 0 } of body['offsets'] ?? body['partitions'] ?? []) {
    if (offset < 0) return error(500, 'seek offset must not be a negative number')
    if (topic !== consumer.topic || !consumer.positions.has(partition)) {
      return error(404, `No current assignment for partition ${topic}-${partition}`)
    }
    consumer.positions.set(partition, (place as 'beginning' | 'end' | undefined) ?? offset)
  }
  if (consumer.idle && consumer.parkedMs === 0) consumer.parkedMs = PARKED_MS
  consumer.idle = false
  return told(204)
}

function isValid(record: unknown, format: string): boolean {
  if (!isObject(record) || !('value' in record)) return false
  const known = ['key', 'value', 'partition', 'timestamp', 'headers']
  if (Object.keys(record).some((name) => !known.includes(name))) return false
  if (typeof record['key'] === 'number' || typeof record['value'] === 'number') return false
  return format !== 'text' || typeof record['value'] === 'string'
}

/** In binary, a null is the word "null", taken for base64: three bytes of junk. */
function stores(format: string, value: unknown): Uint8Array {
  if (format === 'binary') return lenient(value === null ? 'null' : asText(value))
  return new TextEncoder().encode(format === 'text' ? asText(value) : JSON.stringify(value))
}

function shown(
  topic: string,
  format: string,
  record: NonNullable<ReturnType<typeof recordsFrom>>['records'][number],
) {
  const show = (bytes: Uint8Array | null): unknown => {
    if (bytes === null) return null
    if (format === 'binary') return toBase64(bytes)
    const text = new TextDecoder().decode(bytes)
    return format === 'text' ? text : (JSON.parse(text) as unknown)
  }
  const { partition, offset, timestamp, headers } = record
  return {
    topic,
    key: show(record.key),
    value: show(record.value),
    partition,
    offset,
    timestamp,
    ...(headers.length > 0
      ? {
          headers: headers.map(({ name, value }) => ({
            key: name,
            value: toBase64(value ?? new Uint8Array()),
          })),
        }
      : {}),
  }
}
