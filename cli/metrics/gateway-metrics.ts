/** The metrics of a gateway. @module */
import type { GatewayCounters } from '../../services/gateway/counters.ts'
import { REFUSAL_REASONS } from '../../services/gateway/refusal.ts'
import { boundedLabel } from '../../adapters/metrics/shared/bounded-label.ts'
import type { Meter } from '../../adapters/metrics/prom-client/meter.ts'
import type { KnownBrokers } from '../known-brokers.ts'
import type { ProcessMetrics } from './process-metrics.ts'
import { requestTimer } from './request-timer.ts'

/** Kafka's protocol has fewer. */
const MAX_CODES = 200

/** Registers what the gateway counts, and has its requests timed. */
export function gatewayMetrics(
  metrics: ProcessMetrics,
  counters: GatewayCounters,
  brokers: Pick<KnownBrokers, 'ids'> | undefined,
): void {
  const meter = metrics.meter('kedge_gateway_')
  counters.answered = requestTimer(meter)
  // All of them, from the first scrape on: of a series that begins with 1 alerts would not see that one.
  const refused = () =>
    REFUSAL_REASONS.map((reason) => [counters.refused.get(reason) ?? 0, { reason }] as const)
  const faults = () => Object.entries(counters.credentials).map(([reason, n]) => [n, { reason }] as const)
  meter.gauge('polls_waiting', 'Polls that wait for records.', () => counters.pollsWaiting)
  meter.gauge('max_polls', 'Polls that may wait at once, of all clients.', () => counters.maxPolls ?? [])
  meter.counter(
    'tail_hits_total',
    'Reads that the shared tail has answered by itself.',
    () => counters.tailHits,
  )
  meter.counter(
    'tail_reads_total',
    'Reads that the shared tail has handed on to the cluster.',
    () => counters.tailReads,
  )
  meter.gauge('sockets', 'Sockets that follow a partition.', () => counters.sockets())
  meter.gauge('connections', 'Connections of clients.', () => counters.connections)
  meter.gauge(
    'max_connections',
    'Connections that there may be at once, of all clients.',
    () => counters.maxConnections ?? [],
  )
  meter.counter(
    'connections_refused_total',
    'Connections that were refused because there are too many.',
    () => counters.connectionsRefused,
  )
  meter.counter(
    'received_bytes_total',
    'Bytes that clients have sent, with those of headers.',
    () => counters.receivedBytes,
  )
  meter.counter(
    'sent_bytes_total',
    'Bytes that clients were sent, with those of headers.',
    () => counters.sentBytes,
  )
  // A log in memory has neither.
  const tails = () => (brokers ? counters.tails() : [])
  meter.gauge('brokers', 'Brokers that the cluster names.', () => brokers?.ids?.length ?? [])
  meter.gauge('tails', 'Partitions that are read once for all who wait.', tails)
  proofMetrics(meter, counters)
  meter.counter('refused_total', 'Requests, and records in them, that were refused.', refused, ['reason'])
  meter.counter('credentials_refused_total', 'Requests without a right credential.', faults, ['reason'])
}

/** Of the gateway as the tail that isolates ask for proofs of freshness. */
function proofMetrics(meter: Meter, counters: GatewayCounters): void {
  const read = (name: 'questions' | 'samples' | 'refused' | 'places') => () => counters.proofs()?.[name] ?? 0
  meter.counter('proof_questions_total', 'Questions for proofs of freshness.', read('questions'))
  meter.counter(
    'proof_samples_total',
    'Looks at the ends of the log by which they were answered.',
    read('samples'),
  )
  meter.counter('proofs_refused_total', 'Questions that were refused as too many.', read('refused'))
  meter.gauge('proof_places', 'Partitions that were asked about.', read('places'))
}

/** @returns what takes the names of codes that brokers answer */
export function kafkaErrors(metrics: ProcessMetrics): (code: string) => void {
  const errors = new Map<string, number>()
  const codeOf = boundedLabel(MAX_CODES)
  metrics
    .meter('kedge_gateway_')
    .counter(
      'kafka_errors_total',
      'Errors in the answers of brokers, by their names in the protocol of Kafka.',
      () => [...errors].map(([code, count]) => [count, { code }] as const),
      ['code'],
    )
  return (name) => {
    const code = codeOf(name)
    errors.set(code, (errors.get(code) ?? 0) + 1)
  }
}
