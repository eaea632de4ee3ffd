/**
 * Confluent's REST Proxy, API v3: clusters, topics, partitions. Producing is in `confluent-v3-produce.ts`; reading
 * records does not exist in v3.
 *
 * @module
 */
import { Hono } from 'hono'
import type { Context } from 'hono'
import * as z from 'zod/mini'
import { requireUncompressed } from '../../body.ts'
import type { TopicDescription } from '../../cluster.ts'
import { confluentErrors, V3_ERRORS } from './errors.ts'
import { contentType } from '../../media-type.ts'
import { partitionOfPath } from '../../parameter.ts'
import { Described } from '../../openapi/schema.ts'
import { Refusal } from '../../refusal.ts'
import type { Service } from '../../service.ts'

const TOPICS = '/clusters/:cluster/topics'
const PARTITIONS = `${TOPICS}/:topic/partitions`

const createBody = z.object({
  topic_name: z.string().register(Described, { pattern: '^(?!\\.\\.?$)[A-Za-z0-9._-]{1,249}$' }),
  partitions_count: z.optional(z.int().check(z.gte(1), z.lte(1000))),
})

export const V3_CREATE: z.ZodMiniType = createBody

/** In a list of a body, such as the settings of a topic. */
const MAX_ITEMS = 1000

/** To be mounted at `/v3` (the proxy alone) and `/kafka/v3` (Confluent Server and Cloud). */
export function confluentV3(service: Service): Hono {
  const { bodies, clusterId, clusterOf } = service
  const app = new Hono()
  app.onError(confluentErrors(service, V3_ERRORS, 'application/json'))

  const known = async (c: Context): Promise<TopicDescription> => {
    ownCluster(service, c)
    const found = (await clusterOf(c).topics()).find(({ name }) => name === c.req.param('topic'))
    return found ?? refuseTopic()
  }
  const partitionsOf = ({ name, partitions }: TopicDescription) =>
    Array.from({ length: partitions }, (_, partition) => partitionData(clusterId, name, partition))

  app.get('/clusters', (c) => c.json(list('KafkaClusterList', [clusterData(clusterId)])))
  app.get('/clusters/:cluster', (c) => {
    ownCluster(service, c)
    return c.json(clusterData(clusterId))
  })
  app.get(TOPICS, async (c) => {
    ownCluster(service, c)
    const topics = await clusterOf(c).topics()
    return c.json(
      list(
        'KafkaTopicList',
        topics.map((topic) => topicData(clusterId, topic)),
      ),
    )
  })
  app.post(TOPICS, async (c) => {
    ownCluster(service, c)
    requireJson(c)
    const { topic_name: name, partitions_count: partitions } = await bodies.read(c, createBody, MAX_ITEMS)
    return c.json(topicData(clusterId, await clusterOf(c).create(name, partitions)), 201)
  })
  app.get(`${TOPICS}/:topic`, async (c) => c.json(topicData(clusterId, await known(c))))
  app.delete(`${TOPICS}/:topic`, async (c) => {
    await clusterOf(c).remove((await known(c)).name)
    return c.body(null, 204)
  })
  app.get(PARTITIONS, async (c) => c.json(list('KafkaPartitionList', partitionsOf(await known(c)))))
  app.get(`${PARTITIONS}/:partition`, async (c) => {
    const partition = partitionsOf(await known(c))[partitionOfPath(c)]
    if (!partition) throw new Refusal('unknown-partition', 'Partition not found.')
    return c.json(partition)
  })
  // kafka-rest 8.0 and later.
  app.get(`${PARTITIONS}/:partition/offset`, async (c) => {
    const { name } = await known(c)
    const partition = partitionOfPath(c)
    const { beginning, end, logId, isLineage } = await clusterOf(c).offsets(name, partition)
    const type = c.req.query('offset_type') ?? 'latest'
    const earliest = type !== 'latest' && { earliest_offset: beginning }
    const latest = type !== 'earliest' && { latest_offset: end }
    if (!['earliest', 'latest', 'earliest_and_latest'].includes(type)) {
      throw new Refusal('malformed', "Invalid parameter 'offset_type'")
    }
    if (!isLineage) c.header('kedge-log-id', logId)
    return c.json({ ...partitionData(clusterId, name, partition), ...earliest, ...latest })
  })
  return app
}

/** @throws Refusal `unsupported-media` for a body that does not call itself JSON. */
export function requireJson(c: Context): void {
  requireUncompressed(c)
  if (contentType(c) !== 'application/json') {
    throw new Refusal('unsupported-media', 'HTTP 415 Unsupported Media Type')
  }
}

/** @throws Refusal `unknown-cluster` where the path names another cluster. */
export function ownCluster({ clusterId }: Service, c: Context): void {
  if (c.req.param('cluster') !== clusterId) throw new Refusal('unknown-cluster', 'Cluster cannot be found.')
}

function refuseTopic(): never {
  throw new Refusal('unknown-topic', 'This server does not host this topic-partition.')
}

const list = (kind: string, data: readonly unknown[]) => ({ kind, metadata: { next: null }, data })

const clusterData = (id: string) => ({
  kind: 'KafkaCluster',
  metadata: { resource_name: `crn:///kafka=${id}` },
  cluster_id: id,
})

const topicData = (cluster: string, { name, id, partitions }: TopicDescription) => ({
  kind: 'KafkaTopic',
  metadata: { resource_name: `crn:///kafka=${cluster}/topic=${name}` },
  cluster_id: cluster,
  topic_name: name,
  topic_id: id,
  is_internal: false,
  replication_factor: 1,
  partitions_count: partitions,
})

const partitionData = (cluster: string, topic: string, partition: number) => ({
  kind: 'KafkaPartition',
  metadata: { resource_name: `crn:///kafka=${cluster}/topic=${topic}/partition=${partition}` },
  cluster_id: cluster,
  topic_name: topic,
  partition_id: partition,
})
