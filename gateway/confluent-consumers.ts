/**
 * Confluent's REST Proxy, API v2: consumer instances by assignment. There are no groups behind them: nothing is
 * committed and nothing is rebalanced, so `subscription` and `offsets` of an instance do not exist here.
 *
 * Different from kafka-rest: `positions/end` takes the end of the moment, not that of the next poll, and so skips
 * nothing that is produced in between.
 *
 * @module
 */
import { Hono } from 'hono'
import type { Context } from 'hono'
import * as z from 'zod'
import type { TopicPosition } from './cluster.ts'
import { confluentErrors, V2_ERRORS } from './confluent-errors.ts'
import { control, V2_TYPE } from './confluent-v2.ts'
import type { Consumer } from './consumer.ts'
import { Consumers } from './consumers.ts'
import { EMBEDDED_TYPES, recordText } from './embedded.ts'
import { contentType, negotiate } from './media-type.ts'
import { Refusal } from './refusal.ts'
import type { Service } from './service.ts'
import { listOf } from '../adapters/list.ts'

/** kafka-rest's `consumer.request.timeout.ms`. */
const DEFAULT_TIMEOUT_MS = 1000

// Letters of a path segment: what comes back in `base_uri` must lead to the instance again.
const NAME = /^[\w.~-]{1,249}$/
const INSTANCE = '/consumers/:group/instances/:instance'

const whole = z.union([z.int(), z.string().regex(/^-?\d{1,10}$/)]).transform(Number)
const createBody = z.object({
  name: z.string().regex(NAME).optional(),
  format: z.string().default('binary'),
  'auto.offset.reset': z.string().default('latest'),
  'fetch.min.bytes': whole.default(-1),
  'consumer.request.timeout.ms': whole.default(DEFAULT_TIMEOUT_MS),
})
const topicPartition = z.object({ topic: z.string().max(249), partition: z.int().min(0) })
const partitionsBody = z.object({ partitions: listOf(topicPartition) })
const positionsBody = z.object({
  offsets: listOf(topicPartition.extend({ offset: z.int().min(0) })).default([]),
  timestamps: listOf(topicPartition.extend({ timestamp: z.int().min(0) })).default([]),
})

export function confluentConsumers(service: Service): Hono {
  const { bodies, cluster, limits, polls, runtime } = service
  const consumers = new Consumers({ max: limits.maxInstances, timeoutMs: limits.instanceTimeoutMs, runtime })
  const app = new Hono()
  app.onError(confluentErrors(service, V2_ERRORS, V2_TYPE))

  const body = async <T>(c: Context, schema: z.ZodType<T>): Promise<T> => {
    if (contentType(c) !== V2_TYPE) throw new Refusal('unsupported-media', 'HTTP 415 Unsupported Media Type')
    return bodies.read(c, schema)
  }
  const instance = <T>(c: Context, work: (consumer: Consumer) => Promise<T>): Promise<T> =>
    consumers.use(c.req.param('group') ?? '', c.req.param('instance') ?? '', c.req.raw.signal, work)
  const bounded = <T>(partitions: readonly T[]): readonly T[] => {
    if (partitions.length <= limits.maxPartitions) return partitions
    throw new Refusal('too-large', `More than ${limits.maxPartitions} partitions.`)
  }

  app.post('/consumers/:group', async (c) => {
    const group = c.req.param('group')
    if (!NAME.test(group))
      throw new Refusal('invalid', 'group: up to 249 letters, digits, `.`, `_`, `~` or `-`')
    const asked = await body(c, createBody)
    const options = instanceOptions(asked, limits.maxWaitMs)
    const name = asked.name ?? `rest-consumer-${randomName(() => runtime.random())}`
    consumers.create(group, name, options)
    const base_uri = `${new URL(c.req.url).origin}/consumers/${group}/instances/${name}`
    return control(c, { instance_id: name, base_uri })
  })

  app.delete(INSTANCE, (c) => {
    consumers.delete(c.req.param('group'), c.req.param('instance'))
    return c.body(null, 204)
  })

  app.post(`${INSTANCE}/assignments`, async (c) => {
    const { partitions } = await body(c, partitionsBody)
    await instance(c, async (consumer) => consumer.assign(bounded(partitions)))
    return c.body(null, 204)
  })

  app.get(`${INSTANCE}/assignments`, async (c) => {
    const partitions = await instance(c, async (consumer) => consumer.assignment)
    return control(c, { partitions })
  })

  app.post(`${INSTANCE}/positions`, async (c) => {
    const { offsets, timestamps } = await body(c, positionsBody)
    await instance(c, async (consumer) => {
      consumer.requireAssigned(bounded([...offsets, ...timestamps]))
      const found: TopicPosition[] = []
      for (const { topic, partition, timestamp } of timestamps) {
        found.push({ topic, partition, offset: await cluster.offsetAt(topic, partition, timestamp) })
      }
      consumer.seek([...offsets, ...found])
    })
    return c.body(null, 204)
  })

  app.post(`${INSTANCE}/positions/:place{beginning|end}`, async (c) => {
    const { partitions } = await body(c, partitionsBody)
    const place = c.req.param('place') === 'end' ? 'end' : 'beginning'
    await instance(c, async (consumer) => {
      consumer.requireAssigned(bounded(partitions))
      for (const { topic, partition } of partitions) {
        const { [place]: offset } = await cluster.offsets(topic, partition)
        consumer.seek([{ topic, partition, offset }])
      }
    })
    return c.body(null, 204)
  })

  app.get(`${INSTANCE}/records`, (c) =>
    polls.run(() => instance(c, (consumer) => records(service, c, consumer))),
  )
  return app
}

async function records(
  { cluster, limits, runtime }: Service,
  c: Context,
  consumer: Consumer,
): Promise<Response> {
  const { format, timeoutMs } = consumer.options
  const type = negotiate(c, [EMBEDDED_TYPES.binary, EMBEDDED_TYPES.json])
  if (type !== EMBEDDED_TYPES[format]) {
    throw new Refusal(
      'format-mismatch',
      'The requested embedded data format does not match the deserializer for this consumer instance',
    )
  }
  const asked = number(c, 'timeout')
  const shown = await consumer.poll(cluster, runtime, {
    timeoutMs: asked > 0 ? Math.min(asked, timeoutMs) : timeoutMs,
    maxBytes: Math.min(number(c, 'max_bytes') || Infinity, limits.maxReadBytes),
    signal: c.req.raw.signal,
    show: (record) => recordText(format, record),
  })
  c.header('content-type', type)
  return c.body(`[${shown.join(',')}]`)
}

function instanceOptions(asked: z.output<typeof createBody>, maxWaitMs: number): Consumer['options'] {
  const { format, 'auto.offset.reset': reset, 'fetch.min.bytes': minBytes } = asked
  const timeoutMs = asked['consumer.request.timeout.ms']
  if (format !== 'binary' && format !== 'json') {
    throw new Refusal('invalid', 'Invalid format type: binary or json, there is no schema registry.')
  }
  const wrong = (why: string) => new Refusal('instance-options', `Invalid consumer configuration: ${why}`)
  if (reset !== 'earliest' && reset !== 'latest' && reset !== 'none') {
    throw wrong('auto.offset.reset must be one of earliest, latest, none')
  }
  if (minBytes < -1 || minBytes > 10_000_000) throw wrong('fetch.min.bytes must be -1 to 10000000')
  if (timeoutMs < 1) throw wrong('consumer.request.timeout.ms must be at least 1')
  return { format, reset, minBytes, timeoutMs: Math.min(timeoutMs, maxWaitMs) }
}

/** A number of the query; -1 where there is none. kafka-rest takes a negative one as none. */
function number(c: Context, name: string): number {
  const text = c.req.query(name) ?? '-1'
  if (!/^-?\d{1,15}$/.test(text)) throw new Refusal('malformed', `Invalid parameter '${name}'`)
  return Math.max(0, Number(text))
}

const randomName = (random: () => number): string =>
  Array.from({ length: 4 }, () =>
    Math.floor(random() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, '0'),
  ).join('')
