/**
 * The log of the demo in a real Kafka, behind a gateway of the demo's own.
 *
 * @module
 */
import { kafkaCluster, Refusal, startGateway, type KafkaCluster } from '../../services/gateway/index.ts'
import { choosePort, messageOf, StartError, type OpenServer, type PortWish } from './server.ts'
import type { Pausable } from './switch.ts'

/** Where the workers write and read evictions: what they do by default. */
const EVICTIONS = 'cache-evictions'

function clusterAt(brokers: readonly string[]): KafkaCluster {
  try {
    return kafkaCluster({ brokers })
  } catch (cause) {
    throw new StartError(messageOf(cause), { cause })
  }
}

async function ensureTopic(cluster: KafkaCluster): Promise<void> {
  if ((await cluster.describe(EVICTIONS)) === undefined) {
    await cluster.createTopic(EVICTIONS, { partitions: 1 })
  }
}

/**
 * A gateway on the Kafka of these brokers. The topic of evictions is made where there is none, and left as it is, with
 * all that is in it, where there is one. Pausing stops the gateway: Kafka itself runs on.
 *
 * @throws StartError when no broker answers, the topic cannot be made, or the port cannot be had.
 */
export async function openKafkaLog(
  brokers: readonly string[],
  wish: PortWish,
): Promise<OpenServer & Pausable> {
  const cluster = clusterAt(brokers)
  try {
    await ensureTopic(cluster)
    const { url, pause, resume, close } = await startGateway({ cluster, port: await choosePort(wish) })
    return {
      url,
      pause,
      resume,
      close: async () => {
        try {
          await close()
        } finally {
          await cluster.close()
        }
      },
    }
  } catch (cause) {
    await cluster.close()
    if (!(cause instanceof Refusal)) throw cause
    throw new StartError(`Kafka at ${brokers.join(', ')} cannot be used: ${cause.message}`, { cause })
  }
}
