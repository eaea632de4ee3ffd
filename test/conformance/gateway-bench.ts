/** Logs under test over the gateway's real HTTP: one server for each test, on a port of its own. */
import { startGateway } from '../../services/gateway/index.ts'
import type { KafkaLog } from '../../src/ports/kafka-log.ts'
import type { LogUnderTest } from '../../src/testing/log-suite.ts'

export async function overGateway(
  connect: (url: string) => KafkaLog | Promise<KafkaLog>,
): Promise<LogUnderTest> {
  const gateway = await startGateway({ memory: { autoCreate: false }, upstash: true })
  const log = await connect(gateway.url)
  let topics = 0
  return {
    log,
    topic(partitions) {
      const name = `topic-${topics++}`
      gateway.log.createTopic(name, { partitions })
      return name
    },
    recreate: (topic) => void gateway.log.recreateTopic(topic),
    truncate: (topic, partition, offset) => gateway.log.truncate(topic, partition, offset),
    async close() {
      await log.close?.()
      await gateway.close()
    },
  }
}
