/**
 * Confluent's REST Proxy, API v2: what a consumer instance has of its group: subscriptions, and offsets that
 * are committed. A client sends the offset of the last record that it has processed; the gateway stores, and
 * shows, one more, as kafka-rest's `KafkaConsumerState` does.
 *
 * Different from kafka-rest: a commit without a body is answered when it has been made. The partitions of
 * `GET …/offsets` may come in the query (`partitions=topic:0,topic:1`), since many clients cannot send a body with a GET;
 * without either they are those that the instance reads.
 *
 * @module
 */
import type { Context, Hono } from 'hono'
import * as z from 'zod/mini'
import type { TopicPartition } from '../../topic-position.ts'
import { control } from './v2.ts'
import type { Consumer } from '../../consumer.ts'
import { INSTANCE, topicName, topicPartition } from './instance-routes.ts'
import type { InstanceRoutes } from './instance-routes.ts'
import { contentType } from '../../media-type.ts'
import { Described } from '../../openapi/schema.ts'
import { Refusal } from '../../refusal.ts'
import type { Service } from '../../service.ts'
import { listOf } from '../../../../adapters/kafka/rest/validation.ts'

/** Kafka's `offset.metadata.max.bytes`. */
const MAX_METADATA = 4096

const subscriptionBody = z.strictObject({
  topics: z.nullish(listOf(topicName, 1)),
  topic_pattern: z.nullish(z.string()),
})
subscriptionBody.register(Described, {
  required: ['topics'],
  allOf: [{ properties: { topics: { type: 'array' }, topic_pattern: { type: 'null' } } }],
})
const commitBody = z.strictObject({
  offsets: z.nullish(
    listOf(
      z.extend(topicPartition, {
        // The gateway stores one more, which must still be a safe integer.
        offset: z.int().check(z.gte(0), z.lte(Number.MAX_SAFE_INTEGER - 1)),
        metadata: z.nullish(z.string().check(z.maxLength(MAX_METADATA))),
      }),
    ),
  ),
})
const committedBody = z.object({ partitions: z.optional(listOf(topicPartition)) })

export const V2_SUBSCRIPTION: z.ZodMiniType = subscriptionBody
export const V2_COMMIT: z.ZodMiniType = commitBody

/** Adds these routes to the routes of the instances. */
export function confluentGroups(app: Hono, service: Service, routes: InstanceRoutes): void {
  const { body, instance, bounded, wants } = routes

  app.post(`${INSTANCE}/subscription`, async (c) => {
    const { topics, topic_pattern: pattern } = await body(c, subscriptionBody)
    if (pattern !== null && pattern !== undefined) {
      throw new Refusal('unsupported', 'topic_pattern is not supported: name the topics in `topics`.')
    }
    if (!topics) throw new Refusal('invalid', 'topics: name at least one')
    const distinct = [...new Set(bounded(topics))]
    service.clusterOf(c).require('read', distinct)
    await instance(c, (consumer) => consumer.subscribe(distinct, () => wants(c, consumer)))
    return c.body(null, 204)
  })

  app.get(`${INSTANCE}/subscription`, async (c) => {
    const topics = await instance(c, async (consumer) => consumer.subscription)
    return control(c, { topics })
  })

  app.delete(`${INSTANCE}/subscription`, async (c) => {
    await instance(c, (consumer) => consumer.unsubscribe())
    return c.body(null, 204)
  })

  app.post(`${INSTANCE}/offsets`, async (c) => {
    if (contentType(c) === '') await service.bodies.requireEmpty(c)
    const { offsets } = contentType(c) === '' ? {} : await body(c, commitBody)
    const given = offsets && bounded(offsets)
    const next = given?.map(({ metadata, ...position }) => ({
      ...position,
      offset: position.offset + 1,
      ...(metadata !== null && metadata !== undefined && { metadata }),
    }))
    await instance(c, (consumer) => consumer.commit(next))
    return control(c, [])
  })

  app.get(`${INSTANCE}/offsets`, async (c) => {
    const asked = await partitionsAsked(service, c)
    const offsets = await instance(c, (consumer) => committed(consumer, asked && bounded(asked), c))
    return control(c, { offsets })
  })

  // Of API v1.
  app.get(`${INSTANCE}/topics/:topic`, ended)
  app.get('/topics/:topic/partitions/:partition/messages', ended)
}

async function committed(consumer: Consumer, asked: readonly TopicPartition[] | undefined, c: Context) {
  const partitions = asked ?? (await consumer.assignment(c.req.raw.signal))
  if (partitions.length === 0) return []
  const found = await consumer.committed(partitions)
  return found.map(({ topic, partition, offset, metadata = '' }) => ({ topic, partition, offset, metadata }))
}

/** From the query, or from the body of the GET: a `Request` has no such body, Node's own request has. */
async function partitionsAsked(
  { bodies, limits }: Service,
  c: Context,
): Promise<readonly TopicPartition[] | undefined> {
  const query = c.req.query('partitions')
  if (query !== undefined) return query.split(',').map(partitionNamed)
  const { partitions } = await bodies.readOfGet(c, committedBody, limits.maxPartitions)
  return partitions
}

function partitionNamed(text: string): TopicPartition {
  const [, topic, partition] = /^([\w.-]{1,249}):(\d{1,9})$/.exec(text) ?? []
  if (topic === undefined) throw new Refusal('malformed', "Invalid parameter 'partitions': topic:0,topic:1")
  return { topic, partition: Number(partition) }
}

function ended(): never {
  throw new Refusal('unsupported', 'API v1 has ended: read by a consumer instance of API v2 (…/records).')
}
