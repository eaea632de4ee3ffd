/**
 * Confluent's REST Proxy, API v2: consumer instances and their records. Partitions by hand and positions are in
 * `confluent-positions.ts`, what has to do with groups is in `confluent-groups.ts`.
 *
 * Different from kafka-rest: a record that is larger than `max_bytes` is returned, alone. One that is not JSON
 * where JSON is wanted stops a poll before it, and is named by the next.
 *
 * @module
 */
import { Hono } from 'hono'
import type { Context } from 'hono'
import * as z from 'zod/mini'
import { confluentErrors, V2_ERRORS } from './errors.ts'
import { confluentGroups } from './groups.ts'
import { confluentPositions } from './positions.ts'
import { control, noSchemas, V2_TYPE } from './v2.ts'
import type { HeldBytes } from '../../answers.ts'
import { clientOf } from '../../client.ts'
import type { Consumer } from '../../consumer.ts'
import { Consumers } from '../../consumers.ts'
import { FairBound } from '../../fair-bound.ts'
import { isStopping } from '../../graceful-drain.ts'
import { EMBEDDED_TYPES, formatOf, recordBytes, recordText } from '../../embedded-format.ts'
import { INSTANCE } from './instance-routes.ts'
import type { InstanceRoutes } from './instance-routes.ts'
import { JsonArray } from '../../json-array.ts'
import { contentType, negotiate } from '../../media-type.ts'
import { Described } from '../../openapi/schema.ts'
import { Refusal } from '../../refusal.ts'
import type { Service } from '../../service.ts'
import { randomId } from '../../../../src/runtime/random-id.ts'

/** kafka-rest's `consumer.request.timeout.ms`. */
const DEFAULT_TIMEOUT_MS = 1000

// A path segment that URL parsers keep: what comes back in `base_uri` must lead to the instance again.
const NAME = /^(?!\.\.?$)[\w.~-]{1,249}$/

const whole = z.pipe(z.union([z.int(), z.string().check(z.regex(/^-?\d{1,10}$/))]), z.transform(Number))
const truth = z
  .union([z.boolean(), z.stringbool({ truthy: ['true'], falsy: ['false'] })])
  .register(Described, { type: ['boolean', 'string'], enum: [true, false, 'true', 'false'] })
// What `instanceOptions` checks, for the OpenAPI document.
const MIN_BYTES = {
  anyOf: [
    { type: 'integer', minimum: -1, maximum: 10_000_000 },
    { type: 'string', pattern: '^(?:-1|[0-9]{1,7})$' },
    { type: 'null' },
  ],
}
const TIMEOUT = {
  anyOf: [
    { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
    { type: 'string', pattern: '^(?!0+$)[0-9]{1,10}$' },
    { type: 'null' },
  ],
}
// Strict: an unknown option is refused, so that the client learns it has no effect.
const createBody = z.strictObject({
  /** Deprecated. Used only as part of a generated name. */
  id: z.nullish(z.string().check(z.regex(NAME))),
  name: z.nullish(z.string().check(z.regex(NAME))),
  format: z._default(z.string(), 'binary').register(Described, { enum: ['binary', 'json'] }),
  'auto.offset.reset': z
    ._default(z.string(), 'latest')
    .register(Described, { enum: ['earliest', 'latest', 'none'] }),
  'auto.commit.enable': z._default(truth, true),
  'fetch.min.bytes': z.nullish(whole).register(Described, MIN_BYTES),
  responseMinBytes: z.nullish(whole).register(Described, MIN_BYTES),
  'consumer.request.timeout.ms': z.nullish(whole).register(Described, TIMEOUT),
  requestWaitMs: z.nullish(whole).register(Described, TIMEOUT),
})

export const V2_CREATE: z.ZodMiniType = createBody

export function confluentConsumers(service: Service): Hono {
  const { answers, bodies, clusterOf, limits, polls, runtime, stopping } = service
  const places = new FairBound(limits.maxInstances, limits.clientShare)
  const bounds = { places, timeoutMs: limits.instanceTimeoutMs }
  const consumers = new Consumers({ ...bounds, runtime })
  stopping.addEventListener('abort', () => void consumers.close(), { once: true })
  const app = new Hono()
  app.onError(confluentErrors(service, V2_ERRORS, V2_TYPE))

  const routes: InstanceRoutes = {
    body: async (c, schema) => {
      // As kafka-rest does: many clients send one type with every request.
      if (contentType(c) !== V2_TYPE && !formatOf(contentType(c)))
        throw new Refusal('unsupported-media', 'HTTP 415 Unsupported Media Type')
      return bodies.read(c, schema, limits.maxPartitions)
    },
    instance: (c, work) =>
      consumers.use(
        clusterOf(c),
        c.req.param('group') ?? '',
        c.req.param('instance') ?? '',
        c.req.raw.signal,
        work,
      ),
    bounded: (partitions) => {
      if (partitions.length <= limits.maxPartitions) return partitions
      throw new Refusal('too-large', `More than ${limits.maxPartitions} partitions.`)
    },
    wants: (c, consumer) => consumers.wants(clusterOf(c), consumer),
  }
  const { body, instance } = routes

  app.post('/consumers/:group', async (c) => {
    const group = c.req.param('group')
    if (!NAME.test(group))
      throw new Refusal(
        'invalid',
        'group: up to 249 letters, digits, `.`, `_`, `~` or `-`, and neither `.` nor `..`',
      )
    const asked = await body(c, createBody)
    const options = instanceOptions(asked, limits.maxWaitMs)
    if (stopping.aborted) throw isStopping()
    const id = asked.id ? `${asked.id}-` : ''
    const name = asked.name ?? `rest-consumer-${id}${randomId(runtime)}`
    const cluster = clusterOf(c)
    cluster.requireGroup(group)
    consumers.create(cluster, group, name, options, clientOf(c))
    const base_uri = `${new URL(c.req.url).origin}/consumers/${group}/instances/${name}`
    return control(c, { instance_id: name, base_uri })
  })

  app.delete(INSTANCE, async (c) => {
    await consumers.delete(clusterOf(c), c.req.param('group'), c.req.param('instance'))
    return c.body(null, 204)
  })

  app.get(`${INSTANCE}/records`, (c) =>
    polls.run(clientOf(c), () =>
      answers.counted(c, (held) => instance(c, (consumer) => records(service, c, consumer, held))),
    ),
  )
  confluentPositions(app, service, routes)
  confluentGroups(app, service, routes)
  return app
}

async function records(
  { limits }: Service,
  c: Context,
  consumer: Consumer,
  held: HeldBytes,
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
  let shown = new JsonArray()
  const { length } = await consumer.poll({
    timeoutMs: asked > 0 ? Math.min(asked, timeoutMs) : timeoutMs,
    maxBytes: Math.min(number(c, 'max_bytes') || Infinity, limits.maxReadBytes),
    signal: c.req.raw.signal,
    begin: () => {
      held.release()
      shown = new JsonArray()
    },
    expect: (found) => {
      const bytes = found.reduce((sum, record) => sum + recordBytes(format, record), 0)
      held.add(bytes)
      shown.reserve(bytes, found.length)
    },
    show: (record) => shown.add(recordText(format, record)),
  })
  c.header('content-type', type)
  return c.body(length === 0 ? '[]' : shown.end())
}

function instanceOptions(asked: z.output<typeof createBody>, maxWaitMs: number): Consumer['options'] {
  const { format, 'auto.offset.reset': reset, 'auto.commit.enable': autoCommit } = asked
  const minBytes = asked['fetch.min.bytes'] ?? asked.responseMinBytes ?? -1
  const timeoutMs = asked['consumer.request.timeout.ms'] ?? asked.requestWaitMs ?? DEFAULT_TIMEOUT_MS
  if (['avro', 'jsonschema', 'protobuf'].includes(format)) throw noSchemas()
  if (format !== 'binary' && format !== 'json') {
    throw new Refusal('invalid', 'Invalid format type: binary or json, there is no schema registry.')
  }
  const wrong = (why: string) => new Refusal('instance-options', `Invalid consumer configuration: ${why}`)
  if (reset !== 'earliest' && reset !== 'latest' && reset !== 'none') {
    throw wrong('auto.offset.reset must be one of earliest, latest, none')
  }
  // Also of two names for one option that which does not count.
  for (const name of ['fetch.min.bytes', 'responseMinBytes'] as const)
    if ((asked[name] ?? -1) < -1 || (asked[name] ?? -1) > 10_000_000)
      throw wrong(`${name} must be -1 to 10000000`)
  for (const name of ['consumer.request.timeout.ms', 'requestWaitMs'] as const)
    if ((asked[name] ?? 1) < 1) throw wrong(`${name} must be at least 1`)
  return { format, reset, autoCommit, minBytes, timeoutMs: Math.min(timeoutMs, maxWaitMs) }
}

/** A number of the query; -1 where there is none. kafka-rest takes a negative one as none. */
function number(c: Context, name: string): number {
  const text = c.req.query(name) ?? '-1'
  if (!/^-?\d{1,15}$/.test(text)) throw new Refusal('malformed', `Invalid parameter '${name}'`)
  return Math.max(0, Number(text))
}
