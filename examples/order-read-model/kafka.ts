/** Kafka over HTTP for all parts: the gateway over a log in memory, or over the brokers of a real one. @module */
import type { KafkaLog } from 'kedge'
import { gateway as gatewayLog } from 'kedge/adapters/gateway'
import { kafkaCluster, startGateway } from 'kedge/gateway'
import { TOPICS } from './topics.ts'

export interface OpenKafka {
  /** Of the gateway. */
  readonly url: string
  readonly log: KafkaLog
  close(): Promise<void>
}

/** The readers end before the gateway does: it has no long poll to wait for. */
const GRACE_MS = 200

/** @param brokers `host:port`; none for a log in memory */
export async function openKafka(brokers: readonly string[]): Promise<OpenKafka> {
  const gateway = brokers.length === 0 ? await inMemory() : await over(brokers)
  return { ...gateway, log: gatewayLog({ url: gateway.url }) }
}

type Gateway = Omit<OpenKafka, 'log'>

async function inMemory(): Promise<Gateway> {
  const topics = Object.fromEntries(TOPICS.map(({ name, partitions }) => [name, partitions]))
  const { url, close } = await startGateway({ memory: { topics, autoCreate: false }, graceMs: GRACE_MS })
  return { url, close }
}

/** Topics that are there stay as they are, with all that is in them. */
async function over(brokers: readonly string[]): Promise<Gateway> {
  const cluster = kafkaCluster({ brokers })
  try {
    for (const { name, ...options } of TOPICS) {
      const found = (await cluster.describe(name)) ?? (await cluster.createTopic(name, options))
      if (found.partitions !== options.partitions) {
        throw new Error(
          `the topic ${name} has ${found.partitions} partitions: this example needs ${options.partitions}`,
        )
      }
    }
    const { url, close } = await startGateway({ cluster, graceMs: GRACE_MS })
    return {
      url,
      close: async () => {
        await close()
        await cluster.close()
      },
    }
  } catch (cause) {
    await cluster.close()
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`Kafka at ${brokers.join(', ')} cannot be used: ${why}`, { cause })
  }
}
