/**
 * Confluent's REST Proxy, API v2: topics, offsets and produce. Consumer instances are in `confluent-consumers.ts`.
 *
 * Beyond kafka-rest: `kedge-log-id` (Kafka's topic id) on topics and offsets; on offsets `kedge-clock`, the clock of the gateway
 * before it asked the cluster (`life;milliseconds`).
 *
 * @module
 */
import { Hono } from 'hono'
import type { Context } from 'hono'
import * as z from 'zod/mini'
import type { Appended, RecordToAppend } from '../../cluster.ts'
import { confluentErrors, V2_ERRORS } from './errors.ts'
import { decodeEmbedded, EMBEDDED_TYPES, formatOf } from '../../embedded-format.ts'
import { itemsOf, membersOf } from '../../json-text.ts'
import { contentType, negotiate } from '../../media-type.ts'
import { partitionOfPath } from '../../parameter.ts'
import { Refusal } from '../../refusal.ts'
import type { RefusalReason } from '../../refusal.ts'
import type { Service } from '../../service.ts'
import { listOf } from '../../../../adapters/kafka/rest/validation.ts'
import { once } from '../../../../src/runtime/once.ts'

export const V2_TYPE = 'application/vnd.kafka.v2+json'

const SCHEMA_TYPES = /^application\/vnd\.kafka\.(avro|jsonschema|protobuf)\.v2\+json$/
export const noSchemas = (): Refusal =>
  new Refusal('unsupported', 'There is no schema registry here: use the format binary or json.')

const produceBody = z.object({
  // Strict: v2 has no headers and no timestamps, and the gateway refuses them rather than drop them unseen.
  records: listOf(
    z.strictObject({
      key: z.optional(z.unknown()),
      value: z.optional(z.unknown()),
      partition: z.nullish(z.int().check(z.gte(0))),
    }),
    1,
  ),
})
export const V2_PRODUCE: z.ZodMiniType = produceBody

export function confluentV2(service: Service): Hono {
  const { clusterOf } = service
  const app = new Hono()
  app.onError(confluentErrors(service, V2_ERRORS, V2_TYPE))

  app.get('/topics', async (c) =>
    control(
      c,
      (await clusterOf(c).topics()).map(({ name }) => name),
    ),
  )

  app.get('/brokers', (c) => control(c, { brokers: [BROKER] }))

  app.get('/topics/:topic', async (c) => {
    const { name, id, partitions } = await existing(service, c)
    if (id !== undefined) c.header('kedge-log-id', id)
    return control(c, { name, configs: {}, partitions: Array.from({ length: partitions }, partitionInfo) })
  })

  app.get('/topics/:topic/partitions', async (c) => {
    const { partitions } = await existing(service, c)
    return control(c, Array.from({ length: partitions }, partitionInfo))
  })

  app.get('/topics/:topic/partitions/:partition', async (c) => {
    const partition = partitionOfPath(c)
    const { partitions } = await existing(service, c)
    if (partition >= partitions) throw new Refusal('unknown-partition', 'Partition not found.')
    return control(c, partitionInfo(undefined, partition))
  })

  app.get('/topics/:topic/partitions/:partition/offsets', async (c) => {
    const partition = partitionOfPath(c)
    // Before the cluster is asked: a tail reckons the age of the ends from here.
    const at = Math.floor(service.clock.now())
    c.header('kedge-clock', `${service.clock.life};${at}`)
    const { beginning, end, logId, isLineage } = await clusterOf(c).offsets(c.req.param('topic'), partition)
    if (!isLineage) c.header('kedge-log-id', logId)
    return control(c, { beginning_offset: beginning, end_offset: end })
  })

  app.post('/topics/:topic', async (c) => {
    const topic = c.req.param('topic')
    const records = await recordsOf(c, service)
    const results = await clusterOf(c).append(topic, records)
    throwWhere(results, ['forbidden', 'unknown-topic'])
    return produced(c, service, results)
  })

  app.post('/topics/:topic/partitions/:partition', async (c) => {
    const topic = c.req.param('topic')
    const partition = partitionOfPath(c)
    const records = await recordsOf(c, service)
    const results = await clusterOf(c).append(
      topic,
      records.map((record) => ({ ...record, partition })),
    )
    throwWhere(results, ['forbidden', 'unknown-topic', 'unknown-partition'])
    return produced(c, service, results)
  })
  return app
}

/**
 * A control answer of v2, in the type that the client accepts. As kafka-rest does, the gateway also accepts
 * the types of the embedded formats: many clients send the same `Accept` with every request.
 */
export function control(c: Context, body: unknown): Response {
  const { binary, json } = EMBEDDED_TYPES
  c.header('content-type', negotiate(c, [V2_TYPE, 'application/json', binary, json]))
  return c.body(JSON.stringify(body))
}

async function existing(service: Service, c: Context) {
  const topic = await service.clusterOf(c).describe(c.req.param('topic') ?? '')
  if (!topic) throw new Refusal('unknown-topic', 'Topic not found.')
  return topic
}

/** One broker, which leads everything. */
const BROKER = 0
const partitionInfo = (_: unknown, partition: number) => ({
  partition,
  leader: BROKER,
  replicas: [{ broker: BROKER, leader: true, in_sync: true }],
})

async function recordsOf(c: Context, { bodies, limits }: Service): Promise<RecordToAppend[]> {
  const type = contentType(c)
  const format = formatOf(type)
  if (!format && SCHEMA_TYPES.test(type)) throw noSchemas()
  if (!format) throw new Refusal('unsupported-media', 'HTTP 415 Unsupported Media Type')
  const body = await bodies.readWritten(c, produceBody, limits.maxRecords)
  const { records } = body.value
  if (records.length > limits.maxRecords) {
    throw new Refusal('too-large', `More than ${limits.maxRecords} records in one request.`)
  }
  const texts = once(() => itemsOf(membersOf(body.text).get('records')!))
  return records.map(({ key, value, partition }, index) => {
    const written = once(() => membersOf(texts()[index] ?? '{}'))
    return {
      key: decodeEmbedded(format, key, () => written().get('key')),
      value: decodeEmbedded(format, value, () => written().get('value')),
      partition: partition ?? undefined,
    }
  })
}

/**
 * Where the topic or partition of the path is missing or forbidden, the gateway refuses the request, not single records.
 */
function throwWhere(results: readonly Appended[], reasons: readonly RefusalReason[]): void {
  for (const { refusal } of results) if (refusal && reasons.includes(refusal.reason)) throw refusal
}

/** One entry for each record, in order. The status is 200 also when some of them failed, as kafka-rest has it. */
function produced(c: Context, { counters }: Service, results: readonly Appended[]): Response {
  for (const { refusal } of results) if (refusal) counters.refuse(refusal.reason)
  const offsets = results.map((result) =>
    result.refusal
      ? {
          partition: null,
          offset: null,
          error_code: recordCode(result.refusal),
          error: result.refusal.message,
        }
      : { partition: result.partition, offset: result.offset, error_code: null, error: null },
  )
  return control(c, { offsets, key_schema_id: null, value_schema_id: null })
}

/** kafka-rest's codes for a missing or forbidden topic or partition, else "Kafka error" or its retriable form. */
function recordCode({ reason }: Refusal): number {
  if (reason === 'forbidden' || reason === 'unknown-topic' || reason === 'unknown-partition')
    return V2_ERRORS[reason][1]
  return reason === 'busy' || reason === 'unavailable' ? 50003 : 50002
}
