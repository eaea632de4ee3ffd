/** The contract of a log, kept through the gateway's real HTTP on a real broker. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { Admin } from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { confluent } from '../../adapters/kafka/confluent.ts'
import { gateway } from '../../adapters/kafka/gateway.ts'
import { upstash } from '../../adapters/kafka/upstash.ts'
import { createGateway } from '../../services/gateway/app.ts'
import { kafkaCluster } from '../../services/gateway/kafka/index.ts'
import type { Cluster } from '../../services/gateway/cluster.ts'
import type { KafkaCluster } from '../../services/gateway/kafka/index.ts'
import { withTail } from '../../services/gateway/tail/tail.ts'
import type { KafkaLog } from '../../src/ports/kafka-log.ts'
import { logSuite } from '../../src/testing/log-suite.ts'
import type { LogUnderTest } from '../../src/testing/log-suite.ts'
import { SUITES } from '../conformance/suites.ts'
import { withoutKafka } from './broker.ts'
import { sharedBroker } from './shared-broker.ts'

describe.skipIf(withoutKafka())('On a real broker', () => {
  let cluster: KafkaCluster
  let other: KafkaCluster
  let admin: Admin
  let topics = 0

  beforeAll(async () => {
    cluster = kafkaCluster({ brokers: [sharedBroker()] })
    other = kafkaCluster({ brokers: [sharedBroker()] })
    admin = new Admin({ clientId: 'test', bootstrapBrokers: [sharedBroker()] })
  })

  afterAll(async () => {
    await admin?.close()
    await cluster?.close()
    await other?.close()
  })

  /** A gateway, or several behind a balancer that gives each request to the next one of them. */
  async function onKafka(
    connect: (url: string) => KafkaLog,
    behind: readonly Cluster[] = [cluster],
  ): Promise<LogUnderTest> {
    const gateways = behind.map((each) =>
      getRequestListener(createGateway({ cluster: each, upstash: true }).fetch, {
        overrideGlobalObjects: false,
      }),
    )
    let requests = 0
    const server = createServer((request, response) => {
      void gateways[requests++ % gateways.length]!(request, response)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const log = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    return {
      log,
      async topic(partitions) {
        const { name } = await cluster.createTopic(`topic-${topics++}`, { partitions })
        return name
      },
      async recreate(topic) {
        const { partitions } = (await cluster.describe(topic))!
        await cluster.remove(topic)
        await cluster.create(topic, partitions)
      },
      async truncate(name, partition, offset) {
        await admin.deleteRecords({ topics: [{ name, partitions: [{ partition, offset: BigInt(offset) }] }] })
      },
      async close() {
        await log.close?.()
        server.close()
        server.closeAllConnections()
        await once(server, 'close')
      },
    }
  }

  const runner = { describe, it, expect }
  const account = { username: 'edge', password: 'secret' }

  logSuite({
    ...runner,
    ...SUITES.stateless,
    create: () => onKafka((url) => gateway({ url })),
  })
  logSuite({ ...runner, ...SUITES.instances, create: () => onKafka((url) => confluent({ url })) })
  logSuite({
    ...runner,
    ...SUITES.v3,
    create: () => onKafka((url) => confluent({ url, produce: { url: `${url}/kafka`, api: 'v3' } })),
  })
  describe('two gateways behind a balancer keep the contract of one', () => {
    let tails: ReturnType<typeof withTail>[] = []
    beforeAll(() => {
      tails = [withTail(cluster), withTail(other)]
    })
    afterAll(async () => {
      for (const tail of tails) await tail.close()
    })
    logSuite({
      ...runner,
      ...SUITES.stateless,
      create: () => onKafka((url) => gateway({ url }), tails),
    })
  })
  logSuite({
    ...runner,
    ...SUITES.upstash,
    create: () => onKafka((url) => upstash({ url, ...account, gateway: true })),
  })
})
