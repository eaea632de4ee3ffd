/** The metrics of a loader service in Prometheus' text format. @module */
import type { LoaderLag, LoaderService, LoaderStats } from '../services/loader/index.ts'
import { counter, exposition, gauge } from './metrics.ts'

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

/** @param lag `undefined` while the log does not answer */
export function loaderMetrics(service: LoaderService, topic: string, lag: LoaderLag | undefined): string {
  const stats = service.stats()
  return exposition('kedge_loader_', { topic }, [
    ...Object.entries(HELP).map(([name, says]) =>
      counter(`${name}_total`, says, stats[name as keyof typeof HELP]),
    ),
    gauge('queued', 'Keys that wait.', [stats.queued]),
    gauge('loading', 'Keys that are being loaded.', [stats.loading]),
    ...(lag
      ? [
          gauge('lag_records', 'Requests that were not read yet.', [lag.records]),
          gauge('queued_seconds', 'How long the oldest key has waited.', [lag.ageMs / 1000]),
        ]
      : []),
    gauge('ready', 'Whether it reads and may answer.', [service.health().ready ? 1 : 0]),
  ])
}
