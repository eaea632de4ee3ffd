/** The contract of a log, kept on a real broker without HTTP in between. */
import { Admin } from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { clusterLog } from '../../services/gateway/cluster-log.ts'
import { kafkaCluster } from '../../services/gateway/kafka/index.ts'
import type { KafkaCluster } from '../../services/gateway/kafka/index.ts'
import { logSuite } from '../../src/testing/log-suite.ts'
import { withoutKafka } from './broker.ts'
import { sharedBroker } from './shared-broker.ts'

describe.skipIf(withoutKafka())('On a real broker', () => {
  let cluster: KafkaCluster
  let admin: Admin
  let topics = 0

  beforeAll(async () => {
    cluster = kafkaCluster({ brokers: [sharedBroker()] })
    admin = new Admin({ clientId: 'test', bootstrapBrokers: [sharedBroker()] })
  })

  afterAll(async () => {
    await admin?.close()
    await cluster?.close()
  })

  logSuite({
    name: 'clusterLog()',
    capabilities: { identity: true, longPoll: true, readCommitted: true },
    truncates: true,
    create: () => ({
      log: clusterLog(cluster),
      topic: async (partitions) => (await cluster.createTopic(`direct-${topics++}`, { partitions })).name,
      async recreate(topic) {
        const { partitions } = (await cluster.describe(topic))!
        await cluster.remove(topic)
        await cluster.create(topic, partitions)
      },
      async truncate(name, partition, offset) {
        await admin.deleteRecords({ topics: [{ name, partitions: [{ partition, offset: BigInt(offset) }] }] })
      },
      close: () => undefined,
    }),
    describe,
    it,
    expect,
  })
})
