/**
 * Confluent's REST Proxy, API v2: partitions that a consumer instance is assigned by hand, and seeks.
 *
 * Different from kafka-rest: `positions/end` takes the end at the call, not at the next poll, so the consumer
 * gets every record that is produced in between.
 *
 * @module
 */
import type { Hono } from 'hono'
import * as z from 'zod/mini'
import type { TopicPosition } from '../../topic-position.ts'
import { control } from './v2.ts'
import { INSTANCE, topicPartition } from './instance-routes.ts'
import type { InstanceRoutes } from './instance-routes.ts'
import type { Service } from '../../service.ts'
import { listOf } from '../../../../adapters/kafka/rest/validation.ts'

const partitionsBody = z.object({ partitions: listOf(topicPartition) })
const positionsBody = z.object({
  offsets: z._default(listOf(z.extend(topicPartition, { offset: z.int().check(z.gte(0)) })), []),
  timestamps: z._default(listOf(z.extend(topicPartition, { timestamp: z.int().check(z.gte(0)) })), []),
})

export const V2_PARTITIONS: z.ZodMiniType = partitionsBody
export const V2_POSITIONS: z.ZodMiniType = positionsBody

/** Adds these routes to the routes of the instances. */
export function confluentPositions(app: Hono, { clusterOf }: Service, routes: InstanceRoutes): void {
  const { body, instance, bounded } = routes

  app.post(`${INSTANCE}/assignments`, async (c) => {
    const { partitions } = await body(c, partitionsBody)
    const topics = new Set(bounded(partitions).map(({ topic }) => topic))
    clusterOf(c).require('read', topics)
    await instance(c, async (consumer) => consumer.assign(partitions))
    return c.body(null, 204)
  })

  app.get(`${INSTANCE}/assignments`, async (c) => {
    const partitions = await instance(c, (consumer) => consumer.assignment(c.req.raw.signal))
    return control(c, { partitions })
  })

  app.post(`${INSTANCE}/positions`, async (c) => {
    const { offsets, timestamps } = await body(c, positionsBody)
    await instance(c, async (consumer) => {
      await consumer.requireAssigned(bounded([...offsets, ...timestamps]), c.req.raw.signal)
      const found: TopicPosition[] = []
      for (const { topic, partition, timestamp } of timestamps) {
        found.push({ topic, partition, offset: await clusterOf(c).offsetAt(topic, partition, timestamp) })
      }
      consumer.seek([...offsets, ...found])
    })
    return c.body(null, 204)
  })

  app.post(`${INSTANCE}/positions/:place{beginning|end}`, async (c) => {
    const { partitions } = await body(c, partitionsBody)
    const place = c.req.param('place') === 'end' ? 'end' : 'beginning'
    await instance(c, async (consumer) => {
      await consumer.requireAssigned(bounded(partitions), c.req.raw.signal)
      for (const { topic, partition } of partitions) {
        const { [place]: offset } = await clusterOf(c).offsets(topic, partition)
        consumer.seek([{ topic, partition, offset }])
      }
    })
    return c.body(null, 204)
  })
}
