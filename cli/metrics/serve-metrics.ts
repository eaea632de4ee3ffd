/** The metrics of a sidecar. @module */
import { metrics as cacheMetrics } from '../../adapters/metrics/prom-client.ts'
import type { Cache } from '../../src/api/cache-types.ts'
import type { KafkaLog } from '../../src/ports/kafka-log.ts'
import type { WatchedOrigin } from '../origin-watch.ts'
import type { ProcessMetrics } from './process-metrics.ts'
import { requestTimer } from './request-timer.ts'
import type { RequestTimer } from './request-timer.ts'
import { signatureMetrics } from './signature-metrics.ts'

const PREFIX = 'kedge_serve_'
/** As which it stands in `kafka_consumer_lag`: it is in no group of Kafka. */
const GROUP = 'kedge-serve'

/** @returns what times its requests */
export function serveMetrics(
  metrics: ProcessMetrics,
  cache: Cache,
  log: KafkaLog,
  origin?: Pick<WatchedOrigin, 'outage'>,
): RequestTimer {
  const { client, register } = metrics
  cacheMetrics(cache, { client, register, prefix: PREFIX, group: GROUP })
  signatureMetrics(metrics, log)
  if (origin) {
    const isUp = () => (origin.outage() ? 0 : 1)
    metrics.meter(PREFIX).gauge('origin_up', 'Whether the last request to the origin was answered.', isUp)
  }
  return requestTimer(metrics.meter(PREFIX))
}
