/** The metrics of a persister. @module */
import { boundedLabel } from '../../adapters/metrics/shared/bounded-label.ts'
import { consumerLag } from '../../adapters/metrics/prom-client/consumer-lag.ts'
import type {
  Persister,
  PersisterEvent,
  PersisterLag,
  PersisterStats,
} from '../../services/persister/index.ts'
import type { ProcessMetrics } from './process-metrics.ts'

const HELP: Readonly<Record<keyof PersisterStats, readonly [name: string, says: string]>> = {
  persisted: ['persisted_total', 'Writes that the stores have acknowledged.'],
  dead: ['dead_letters_total', 'Records that went to the dead letters.'],
  lost: ['lost_records_total', 'Records that retention took before they were persisted, at most.'],
  storeFailures: ['store_failures_total', 'Calls of stores that failed.'],
  logFailures: ['log_failures_total', 'Rounds that the log has failed.'],
}
const PREFIX = 'kedge_persister_'
const GROUP = 'kedge-persister'
/** Namespaces that have series of their own: those of writes are named by their writers. */
const MAX_NAMESPACES = 100

/** @returns what takes the events of the service */
export function persisterTimers(metrics: ProcessMetrics): (event: PersisterEvent) => void {
  const namespaceOf = boundedLabel(MAX_NAMESPACES)
  const stored = metrics
    .meter(PREFIX)
    .histogram('store_duration_seconds', 'Writes of a namespace, until its store had them.', [
      'kedge_namespace',
    ])
  return (event) => {
    if (event.type === 'persisted')
      stored(event.durationMs, { kedge_namespace: namespaceOf(event.namespace) })
  }
}

/** @returns what is called before a scrape: it asks the log how far the service is behind */
export function persisterMetrics(
  metrics: ProcessMetrics,
  service: Persister,
  topic: string,
  isReady: () => boolean,
): (signal: AbortSignal) => Promise<void> {
  const meter = metrics.meter(PREFIX, { topic })
  // Unknown while the log does not answer.
  let lag: PersisterLag | undefined
  for (const [of, [name, says]] of Object.entries(HELP))
    meter.counter(name, says, () => service.stats()[of as keyof PersisterStats])
  meter.gauge('lag_records', 'Records that are not persisted yet.', () => lag?.records ?? [])
  meter.gauge('lag_seconds', 'The age of the oldest of them.', () => lag?.seconds ?? [])
  meter.gauge('pressure', 'How far the lag is towards its limit, which is 1.', () => service.pressure())
  meter.gauge('ready', 'Whether writes are persisted in time.', () => Number(isReady()))
  consumerLag(meter, { topic, group: GROUP }, () => lag?.partitions ?? [])
  return async (signal) => {
    lag = await service.lag({ signal }).catch(() => undefined)
  }
}
