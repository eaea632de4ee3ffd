/**
 * The REST API of Upstash Kafka, which ended in March 2025, so that `@upstash/kafka` has somewhere to go: produce,
 * fetch by explicit offset, offsets, topics. Consumer groups do not exist here, and neither does `GET
 * /produce/{topic}/{message}`: a web page could write by an image.
 *
 * Keys and values are strings there: bytes that are not UTF-8 come out as U+FFFD. Upstash never documented
 * its answer to a fetch outside of a partition: the gateway answers an empty list, at once.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import { Hono } from 'hono'
import type { Context } from 'hono'
import * as z from 'zod/mini'
import type { HeldBytes } from '../answers.ts'
import { shaped } from '../body.ts'
import { clientOf } from '../client.ts'
import type { Cluster, ClusterRecord, RecordToAppend } from '../cluster.ts'
import type { TopicPosition } from '../topic-position.ts'
import { errorHeaders, gone, refusalFrom, V2_ERRORS } from './confluent/errors.ts'
import { JsonArray } from '../json-array.ts'
import { accepted, contentType } from '../media-type.ts'
import { wholeNumber } from '../parameter.ts'
import { bytesOf } from '../partition-reader.ts'
import { Described } from '../openapi/schema.ts'
import { Refusal } from '../refusal.ts'
import type { Service } from '../service.ts'
import { listOf } from '../../../adapters/kafka/rest/validation.ts'

const DEFAULT_TIMEOUT_MS = 1000

const partition = z.int().check(z.gte(0))
const topicName = z.string().check(z.minLength(1), z.maxLength(249))
const message = z.object({
  topic: z.optional(topicName),
  partition: z.nullish(partition),
  timestamp: z.nullish(z.int().check(z.gte(0))),
  key: z.nullish(z.string()),
  value: z.string(),
  headers: z.nullish(listOf(z.object({ key: z.string().check(z.maxLength(1024)), value: z.string() }))),
})
const messages = z.union([
  listOf(message, 1),
  z.pipe(
    message,
    z.transform((one) => [one]),
  ),
])
const topicPartition = z.object({ topic: topicName, partition })
const position = z.extend(topicPartition, { offset: z.int().check(z.gte(0)) })
const fetchBody = z.object({
  topic: z.optional(topicName),
  partition: z.optional(partition),
  offset: z.optional(z.int().check(z.gte(0))),
  topicPartitionOffsets: z.nullish(listOf(position)),
  timeout: z.nullish(z.int().check(z.gte(0))),
})
// What `positionsOf` takes: one position of its own, a list, or both.
fetchBody.register(Described, {
  dependentRequired: {
    topic: ['partition', 'offset'],
    partition: ['topic', 'offset'],
    offset: ['topic', 'partition'],
  },
  anyOf: [
    { required: ['topic'] },
    {
      required: ['topicPartitionOffsets'],
      properties: { topicPartitionOffsets: { type: 'array', minItems: 1 } },
    },
  ],
})
const offsetsBody = z.union([
  listOf(topicPartition, 1),
  z.pipe(
    topicPartition,
    z.transform((one) => [one]),
  ),
])

export const UPSTASH_MESSAGES: z.ZodMiniType = messages
export const UPSTASH_FETCH: z.ZodMiniType = fetchBody
export const UPSTASH_OFFSETS: z.ZodMiniType = offsetsBody

/** Kafka's own, `RecordBatch.NO_TIMESTAMP`. */
const NO_TIMESTAMP = -1
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

export function upstash(service: Service): Hono {
  const { answers, bodies, clusterOf, limits, polls } = service
  const app = new Hono()
  app.onError(upstashErrors(service))

  // The same path as Confluent's v2. `@upstash/kafka` sends a content type with every request and accepts anything.
  app.get('/topics', async (c, next) => {
    const confluent = accepted(c).some((type) => type.startsWith('application/vnd.kafka'))
    if (confluent || contentType(c) !== 'application/json') return next()
    const topics = await clusterOf(c).topics()
    return c.json(Object.fromEntries(topics.map(({ name, partitions }) => [name, partitions])))
  })

  app.post('/produce/:topic?', async (c) => {
    const asked = await bodies.read(c, messages, limits.maxRecords)
    return c.json(await produce(clusterOf(c), limits, asked, c.req.param('topic')))
  })

  app.post('/fetch', async (c) => {
    const { timeout, ...asked } = await bodies.read(c, fetchBody, limits.maxPartitions)
    const positions = positionsOf(asked, limits.maxPartitions)
    const waitMs = Math.min(timeout ?? DEFAULT_TIMEOUT_MS, limits.maxWaitMs)
    const options = { maxBytes: limits.maxReadBytes, waitMs, signal: c.req.raw.signal }
    const { records } = await polls.run(clientOf(c), () => clusterOf(c).read(positions, options))
    return answers.counted(c, async (held) => {
      const array = shownTexts(records, limits.maxReadBytes, held)
      return c.body(array, 200, { 'content-type': 'application/json' })
    })
  })

  app.post('/offsets/:place', async (c) => {
    const place = c.req.param('place')
    const timestamp = place === 'earliest' || place === 'latest' ? undefined : wholeNumber(place, 'timestamp')
    const asked = await bodies.read(c, offsetsBody, limits.maxPartitions)
    bounded(asked, limits.maxPartitions)
    const found: unknown[] = []
    const cluster = clusterOf(c)
    for (const one of asked) {
      const { beginning, end, logId, isLineage } = await cluster.offsets(one.topic, one.partition)
      const at = timestamp === undefined ? end : await cluster.offsetAt(one.topic, one.partition, timestamp)
      // `logId` is ours: Kafka's topic id, which tells a topic from one that was created anew under its name.
      found.push({ ...one, offset: place === 'earliest' ? beginning : at, ...(!isLineage && { logId }) })
    }
    return c.json(found)
  })

  for (const path of ['/consume/*', '/commit/*', '/committed/*', '/delete-consumer/*', '/consumers'])
    app.all(path, groups)
  return app
}

type Message = z.output<typeof message>

function groups(): never {
  throw new Refusal('unsupported', 'Consumer groups are not supported: fetch by explicit offset instead.')
}

/** Appends all records or fails: the protocol has no report for one. It checks the partitions first. */
async function produce(
  cluster: Cluster,
  limits: Service['limits'],
  asked: readonly Message[],
  path: string | undefined,
) {
  if (asked.length > limits.maxRecords) {
    throw new Refusal('too-large', `More than ${limits.maxRecords} messages in one request.`)
  }
  if (path !== undefined && asked.some(({ topic = path }) => topic !== path))
    throw new Refusal('invalid', 'topic: the path names another one')
  const records = asked.map((one) => ({
    topic: one.topic ?? path ?? noTopic(),
    record: recordOf(one, limits.maxRecordHeaders),
  }))
  for (const { topic, record } of records) {
    const found = await cluster.describe(topic)
    if (!found) throw new Refusal('unknown-topic', 'Topic not found.')
    if ((record.partition ?? 0) >= found.partitions)
      throw new Refusal('unknown-partition', 'Partition not found.')
  }
  const written: unknown[] = []
  for (const { topic, record } of records) {
    const [result] = await cluster.append(topic, [record])
    if (!result || result.refusal)
      throw result?.refusal ?? new Refusal('unavailable', 'The cluster did not answer in time.')
    const { timestamp = NO_TIMESTAMP } = result
    written.push({ topic, partition: result.partition, offset: result.offset, timestamp })
  }
  return written
}

function recordOf(
  { key, value, headers, partition: chosen, timestamp }: Message,
  maxHeaders: number,
): RecordToAppend {
  if ((headers?.length ?? 0) > maxHeaders) {
    throw new Refusal('invalid', `More than ${maxHeaders} headers on one message.`)
  }
  return {
    key: key === null || key === undefined ? null : encoder.encode(key),
    value: encoder.encode(value),
    partition: chosen ?? undefined,
    timestamp: timestamp ?? undefined,
    headers: headers?.map((header) => ({ name: header.key, value: encoder.encode(header.value) })),
  }
}

function positionsOf(
  asked: Omit<z.output<typeof fetchBody>, 'timeout'>,
  max: number,
): readonly TopicPosition[] {
  const { topicPartitionOffsets, ...own } = asked
  const positions = [...(topicPartitionOffsets ?? [])]
  if (Object.keys(own).length > 0) positions.push(shaped(own, position))
  if (positions.length === 0)
    throw new Refusal('invalid', 'topicPartitionOffsets is empty: name what to fetch')
  return bounded(positions, max)
}

function bounded<T>(partitions: readonly T[], max: number): readonly T[] {
  if (partitions.length > max) throw new Refusal('too-large', `More than ${max} partitions in one request.`)
  return partitions
}

function noTopic(): never {
  throw new Refusal('invalid', 'topic is missing: give it in the path or in the message')
}

/**
 * The records as texts, at least one where there is one. A text may be six times as long as its bytes: once the texts
 * are as long as an answer may be, the next fetch gets the rest.
 */
function shownTexts(
  records: readonly ClusterRecord[],
  maxBytes: number,
  held: HeldBytes,
): Uint8Array<ArrayBuffer> {
  const least = records.reduce((sum, record) => sum + bytesOf(record), 0)
  held.add(least)
  const array = new JsonArray()
  let bytes = 0
  for (const record of records) {
    if (bytes >= maxBytes) break
    const written = JSON.stringify(shown(record))
    const length = Buffer.byteLength(written)
    bytes += length
    array.reserve(length, 1)
    array.add(written)
  }
  held.add(Math.max(0, bytes - least))
  return array.end()
}

const shown = ({ topic, partition: at, offset, timestamp, key, value, headers }: ClusterRecord) => ({
  topic,
  partition: at,
  offset,
  timestamp: timestamp ?? NO_TIMESTAMP,
  key: text(key),
  value: text(value),
  headers: headers.map((header) => ({ key: header.name, value: text(header.value) })),
})

const text = (bytes: Uint8Array | null): string => (bytes === null ? '' : decoder.decode(bytes))

/** Upstash writes `{"error","status"}`, with status 400 for an invalid request. */
function upstashErrors(service: Service) {
  return (error: unknown, c: Context): Response => {
    const refusal = refusalFrom(error, c, service)
    if (!refusal) return gone()
    const table = refusal === 'unexpected' ? 500 : V2_ERRORS[refusal.reason][0]
    const status = table === 422 ? 400 : table
    const words = refusal === 'unexpected' ? 'Internal Server Error' : refusal.message
    return Response.json(
      { error: words, status },
      { status, headers: errorHeaders(refusal, 'application/json', c) },
    )
  }
}
