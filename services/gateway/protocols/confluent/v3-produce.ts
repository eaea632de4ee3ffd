/**
 * Confluent's REST Proxy, API v3: produce. A body holds one record or several, one after the other. The
 * gateway reports each as soon as it is in the log, in an answer whose status is 200 even where it refuses
 * records.
 *
 * @module
 */
import { setImmediate } from 'node:timers/promises'
import { Hono } from 'hono'
import type { Context } from 'hono'
import * as z from 'zod/mini'
import { shaped } from '../../body.ts'
import type { Appended, RecordToAppend } from '../../cluster.ts'
import { confluentErrors, V3_ERRORS } from './errors.ts'
import { ownCluster, requireJson } from './v3.ts'
import { decodeBase64, decodeEmbedded } from '../../embedded-format.ts'
import { itemsOf, membersOf } from '../../json-text.ts'
import type { Json as JsonText } from '../../json.ts'
import { BASE64, Described } from '../../openapi/schema.ts'
import type { Json } from '../../openapi/schema.ts'
import { Refusal } from '../../refusal.ts'
import type { Service } from '../../service.ts'
import { listOf } from '../../../../adapters/kafka/rest/validation.ts'
import { once } from '../../../../src/runtime/once.ts'

/** kafka-rest's `api.v3.produce.batch.maximum.entries`. */
const MAX_BATCH = 10
/** More are refused before they are looked at. */
const MAX_ENTRIES = 1000

const of = (type: string, written: Json): Json => ({
  type: 'object',
  properties: { type: { const: type }, data: written },
})
/** What `bytesOf` takes. */
const DATA = {
  anyOf: [
    of('BINARY', BASE64),
    of('JSON', { description: 'Any JSON value.' }),
    of('STRING', { type: ['string', 'null'] }),
    { type: 'null' },
  ],
}
const data = z
  .nullish(z.object({ type: z.optional(z.string().check(z.maxLength(32))), data: z.optional(z.unknown()) }))
  .register(Described, DATA)
const recordBody = z.object({
  partition_id: z.nullish(z.int().check(z.gte(0))),
  headers: z.nullish(
    listOf(z.object({ name: z.string().check(z.maxLength(1024)), value: z.nullish(z.string()) })),
  ),
  key: data,
  value: data,
  timestamp: z.nullish(z.iso.datetime({ offset: true })),
})
const batchBody = z.object({
  // The gateway checks each entry by itself, so that a wrong one does not make it refuse the others.
  entries: listOf(z.looseObject({ id: z.string().check(z.regex(/^[\w-]{1,80}$/)) }), 1).register(Described, {
    maxItems: MAX_BATCH,
    description: 'Records, each with an id of its own.',
  }),
})

export const V3_RECORD: z.ZodMiniType = recordBody
export const V3_BATCH: z.ZodMiniType = batchBody

const encoder = new TextEncoder()

/** To be mounted where `confluentV3` is. */
export function confluentV3Produce(service: Service): Hono {
  const { bodies } = service
  const app = new Hono()
  app.onError(confluentErrors(service, V3_ERRORS, 'application/json'))

  app.post('/clusters/:cluster/topics/:topic/records', async (c) => {
    requireJson(c)
    ownCluster(service, c)
    const reports = produceAll(service, c)
    // Without a first report the body was empty, and the answer is no 200.
    const first = await reports.next()
    if (first.done)
      return c.json(
        { error_code: 42206, message: 'Payload error. Null input provided. Data is required.' },
        422,
      )
    // Who may not write this topic may write no record of the body: there is no need to read on.
    const [one] = first.value
    if (one?.error_code === V3_ERRORS.forbidden[1]) {
      await reports.return()
      return c.json(one, 403)
    }
    return c.body(stream(first.value, reports), 200, { 'content-type': 'application/json' })
  })

  app.post('/clusters/:cluster/topics/:topic/records:batch', async (c) => {
    requireJson(c)
    ownCluster(service, c)
    const { value, text } = await bodies.readWritten(c, batchBody, MAX_ENTRIES)
    const { entries } = value
    if (entries.length > MAX_BATCH) return batchRefused(c, `Batch contains more than ${MAX_BATCH} entries.`)
    if (new Set(entries.map(({ id }) => id)).size < entries.length) {
      return batchRefused(c, 'Batch entry IDs are not distinct.')
    }
    const successes: unknown[] = []
    const failures: unknown[] = []
    const texts = itemsOf(membersOf(text).get('entries')!)
    const reports = await produceLot(
      service,
      c,
      entries.map((entry, at) => ({ value: entry, text: texts[at]! })),
    )
    for (const [at, { id }] of entries.entries()) {
      const report = reports[at]!
      if (report.error_code === 200) successes.push({ id, ...report, error_code: undefined })
      else failures.push({ id, ...report })
    }
    return c.json({ successes, failures }, 207)
  })
  return app
}

interface Report {
  readonly error_code: number
  readonly [field: string]: unknown
}

/**
 * A report for each record, those of records that came together in one list. A fault in the body ends the reports, with a
 * report of its own.
 */
async function* produceAll(service: Service, c: Context): AsyncGenerator<readonly Report[], void, undefined> {
  const { bodies, limits } = service
  const { maxRecords } = limits
  let count = 0
  try {
    for await (const lot of bodies.objects(c)) {
      const left = maxRecords - count
      if (left > 0) yield await produceLot(service, c, lot.slice(0, left))
      count += lot.length
      if (count > maxRecords)
        throw new Refusal('too-large', `More than ${maxRecords} records in one request.`)
    }
  } catch (error) {
    yield [reportOf(service, error)]
  }
}

/** One call of the cluster for all of them. A record that is refused makes it refuse no other. */
async function produceLot(service: Service, c: Context, lot: readonly JsonText[]): Promise<Report[]> {
  const read = lot.map((body) => readRecord(service, body))
  const records = read.flatMap(({ record }) => record ?? [])
  let results: readonly Appended[] = []
  let refused: Report | undefined
  try {
    if (records.length > 0) results = await service.clusterOf(c).append(c.req.param('topic') ?? '', records)
  } catch (error) {
    refused = reportOf(service, error, records.length)
  }
  let next = 0
  return read.map((one) => {
    if (!one.record) return one.refused
    const result = results[next++]
    return refused ?? reportFor(service, c, one, result)
  })
}

interface ReadRecord {
  readonly record: RecordToAppend
  readonly asked: z.output<typeof recordBody>
}

interface UnreadRecord {
  readonly record?: undefined
  readonly refused: Report
}

function readRecord(service: Service, { value, text }: JsonText): ReadRecord | UnreadRecord {
  try {
    const asked = shaped(value, recordBody)
    return { record: recordOf(asked, text, service.limits.maxRecordHeaders), asked }
  } catch (error) {
    return { refused: reportOf(service, error) }
  }
}

function reportFor(
  service: Service,
  c: Context,
  { record, asked }: ReadRecord,
  result: Appended | undefined,
): Report {
  if (!result || result.refusal)
    return reportOf(
      service,
      result?.refusal ?? new Refusal('unavailable', 'The cluster did not answer in time.'),
    )
  return {
    error_code: 200,
    cluster_id: c.req.param('cluster'),
    topic_name: c.req.param('topic'),
    partition_id: result.partition,
    offset: result.offset,
    ...(result.timestamp !== undefined && { timestamp: new Date(result.timestamp).toISOString() }),
    ...(asked.key && { key: { type: asked.key.type, size: record.key?.length ?? 0 } }),
    ...(asked.value && { value: { type: asked.value.type, size: record.value?.length ?? 0 } }),
  }
}

/** @param records that get this report: what forbids the topic refuses the request, not each of them */
function reportOf(service: Service, error: unknown, records = 1): Report {
  if (error instanceof Refusal) {
    service.counters.refuse(error.reason, error.reason === 'forbidden' ? 1 : records)
    return { error_code: V3_ERRORS[error.reason][1], message: error.message }
  }
  service.onError(error)
  return { error_code: 500, message: 'Internal Server Error' }
}

function recordOf(asked: z.output<typeof recordBody>, text: string, maxHeaders: number): RecordToAppend {
  const headers = asked.headers ?? []
  const written = once(() => membersOf(text))
  if (headers.length > maxHeaders)
    throw new Refusal('invalid', `More than ${maxHeaders} headers on one record.`)
  return {
    key: bytesOf(asked.key, () => written().get('key')),
    value: bytesOf(asked.value, () => written().get('value')),
    partition: asked.partition_id ?? undefined,
    timestamp: asked.timestamp ? Date.parse(asked.timestamp) : undefined,
    headers: headers.map(({ name, value }) => ({
      name,
      value: value === null || value === undefined ? null : decodeBase64(value),
    })),
  }
}

function bytesOf(part: z.output<typeof data>, textOf: () => string | undefined): Uint8Array | null {
  if (!part || part.data === null || part.data === undefined) return null
  if (part.type === 'BINARY') return decodeBase64(part.data)
  if (part.type === 'JSON')
    return decodeEmbedded('json', part.data, () => membersOf(textOf() ?? '{}').get('data'))
  if (part.type !== 'STRING')
    throw new Refusal('invalid', 'type must be BINARY, JSON or STRING: there is no schema registry.')
  if (typeof part.data !== 'string') throw new Refusal('malformed', 'data of type STRING must be a string.')
  return encoder.encode(part.data)
}

/** The reports, each on its own line. The gateway reads the body no faster than the client takes the reports. */
function stream(
  first: readonly Report[],
  reports: AsyncGenerator<readonly Report[], void, undefined>,
): ReadableStream<Uint8Array> {
  const lines = (lot: readonly Report[]) => {
    let text = ''
    for (const report of lot) text += `${JSON.stringify(report)}\r\n`
    return encoder.encode(text)
  }
  return new ReadableStream({
    start: (controller) => controller.enqueue(lines(first)),
    pull: async (controller) => {
      // Others have their turn between two pieces.
      await setImmediate()
      const next = await reports.next()
      if (next.done) controller.close()
      else controller.enqueue(lines(next.value))
    },
    cancel: async () => {
      await reports.return()
    },
  })
}

const batchRefused = (c: Context, message: string): Response => c.json({ error_code: 42208, message }, 422)
