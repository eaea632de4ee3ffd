/** The log of the brokers where they are given, otherwise that of the proxy. @module */
import { clusterLog } from '../services/gateway/cluster-log.ts'
import type { KafkaLog } from '../src/ports/kafka-log.ts'
import { connected } from './brokers.ts'
import { UsageError } from './failure.ts'
import { logOf } from './proxy.ts'
import type { ResolvedSettings } from './resolved-settings.ts'
import type { Session } from './session.ts'
import { brokers } from './settings/cluster.ts'
import { url } from './settings/proxy.ts'
import { signedLog } from './signed-log.ts'

/** @throws UsageError where both are given, or settings contradict each other */
export async function readableLog(values: ResolvedSettings, session: Session): Promise<KafkaLog> {
  const byBrokers = values.source(brokers) !== 'default'
  if (byBrokers && values.source(url) === 'flag') throw new UsageError('give --brokers or --url: not both')
  if (!byBrokers) return logOf(values, session)
  const cluster = await connected(values, session)
  const log = { ...clusterLog(cluster, { runtime: session.runtime }), close: () => cluster.close() }
  try {
    return signedLog(log, values, session)
  } catch (error) {
    await cluster.close()
    throw error
  }
}
