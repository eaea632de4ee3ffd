/** The contract of a log, kept through the gateway's real HTTP on a real broker. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { Admin } from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { confluent } from '../../adapters/confluent.ts'
import { upstash } from '../../adapters/upstash.ts'
import { createGateway } from '../../gateway/app.ts'
import { kafkaCluster } from '../../gateway/kafka/index.ts'
import type { KafkaCluster } from '../../gateway/kafka/index.ts'
import type { KafkaLog } from '../../src/log.ts'
import { logSuite } from '../../src/testing/log-suite.ts'
import type { LogUnderTest } from '../../src/testing/log-suite.ts'
import { SUITES } from '../conformance/suites.ts'
import { type Broker, startBroker, withoutKafka } from './broker.ts'

describe.skipIf(withoutKafka())('On a real broker', () => {
  let broker: Broker
  let cluster: KafkaCluster
  let admin: Admin
  let topics = 0

  beforeAll(async () => {
    broker = await startBroker()
    cluster = kafkaCluster({ brokers: [broker.bootstrap] })
    admin = new Admin({ clientId: 'test', bootstrapBrokers: [broker.bootstrap] })
  })

  afterAll(async () => {
    await admin?.close()
    await cluster?.close()
    await broker?.stop()
  })

  async function onKafka(connect: (url: string) => KafkaLog): Promise<LogUnderTest> {
    const app = createGateway({ cluster })
    const answer = getRequestListener(app.fetch, { overrideGlobalObjects: false })
    const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1')
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
    create: () => onKafka((url) => confluent({ url, gateway: true })),
  })
  logSuite({ ...runner, ...SUITES.instances, create: () => onKafka((url) => confluent({ url })) })
  logSuite({
    ...runner,
    ...SUITES.v3,
    create: () => onKafka((url) => confluent({ url, produce: { url: `${url}/kafka`, api: 'v3' } })),
  })
  logSuite({
    ...runner,
    ...SUITES.upstash,
    create: () => onKafka((url) => upstash({ url, ...account, gateway: true })),
  })
})
