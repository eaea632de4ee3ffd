/** The metrics of a loader service. @module */
import { boundedLabel } from '../../adapters/metrics/shared/bounded-label.ts'
import { logTimers } from '../../adapters/metrics/shared/cache-timers.ts'
import { consumerLag } from '../../adapters/metrics/prom-client/consumer-lag.ts'
import type { LoaderEvent, LoaderLag, LoaderService, LoaderStats } from '../../services/loader/index.ts'
import type { KedgeEvent } from '../../src/api/events.ts'
import type { ProcessMetrics } from './process-metrics.ts'

const HELP: Readonly<Record<Exclude<keyof LoaderStats, 'queued' | 'loading'>, string>> = {
  requests: 'Requests that were read.',
  foreign: 'Requests for namespaces that the service does not serve.',
  answered: 'Requests that an earlier publication answers.',
  expired: 'Requests whose deadline was over.',
  overflowed: 'Requests that were dropped because too many waited.',
  failing: 'Requests for keys whose load had just failed.',
  unshareable: 'Requests for values that must not be published.',
  unreadable: 'Records that are no request.',
  loads: 'Calls of loaders.',
  loaded: 'Keys in these calls.',
  republished: "Values published again from the service's own cache.",
  failed: 'Keys whose load, or publication, failed.',
  values: 'Values that were published.',
  none: 'Keys that were published as having no value.',
}
const PREFIX = 'kedge_loader_'
const GROUP = 'kedge-loader'
/** Namespaces that have series of their own. */
const MAX_NAMESPACES = 100

/**
 * @param topics that it writes to
 * @returns what takes the events of the service
 */
export function loaderTimers(
  metrics: ProcessMetrics,
  topics: readonly string[],
): (event: KedgeEvent | LoaderEvent) => void {
  const meter = metrics.meter(PREFIX)
  const namespaceOf = boundedLabel(MAX_NAMESPACES)
  const batch = meter.histogram('batch_duration_seconds', 'Batches, until their values were published.', [
    'kedge_namespace',
  ])
  const log = logTimers(meter, MAX_NAMESPACES, topics)
  return (event) => {
    if (event.type === 'batch') batch(event.durationMs, { kedge_namespace: namespaceOf(event.namespace) })
    else log(event as KedgeEvent)
  }
}

/** @returns what is called before a scrape: it asks the log how far the service is behind */
export function loaderMetrics(
  metrics: ProcessMetrics,
  service: LoaderService,
  topic: string,
): (signal: AbortSignal) => Promise<void> {
  const meter = metrics.meter(PREFIX, { topic })
  // Unknown while the log does not answer.
  let lag: LoaderLag | undefined
  for (const [of, says] of Object.entries(HELP))
    meter.counter(`${of}_total`, says, () => service.stats()[of as keyof typeof HELP])
  meter.gauge('queued', 'Keys that wait.', () => service.stats().queued)
  meter.gauge('loading', 'Keys that are being loaded.', () => service.stats().loading)
  meter.gauge('lag_records', 'Requests that were not read yet.', () => lag?.records ?? [])
  meter.gauge('queued_seconds', 'How long the oldest key has waited.', () => (lag ? lag.ageMs / 1000 : []))
  meter.gauge('ready', 'Whether it reads and may answer.', () => Number(service.health().ready))
  consumerLag(meter, { topic, group: GROUP }, () => lag?.partitions ?? [])
  return async (signal) => {
    lag = await service.lag({ signal }).catch(() => undefined)
  }
}
