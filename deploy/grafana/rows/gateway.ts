/** The row of the gateway. @module */
import { quantile, rate, series, sum } from '../expressions.ts'
import { lines, query } from '../row.ts'
import type { Row } from '../row.ts'

export const GATEWAY: Row = {
  title: 'Gateway',
  panels: [
    lines(
      'Requests',
      'reqps',
      'Requests in a second, by status.',
      query(sum('status', rate('kedge_gateway_request_duration_seconds_count')), '{{status}}'),
    ),
    lines(
      'Time of a request',
      's',
      'By route, 99 %. Routes of records have long polls, which wait.',
      query(
        quantile(0.99, 'method, route', rate('kedge_gateway_request_duration_seconds_bucket')),
        '{{method}} {{route}}',
      ),
    ),
    lines(
      'Polls that wait',
      'short',
      'Beside the limit. One client may have three quarters of what the others leave.',
      query(sum('instance', series('kedge_gateway_polls_waiting')), '{{instance}}'),
      query(sum('instance', series('kedge_gateway_max_polls')), 'limit {{instance}}'),
    ),
    lines(
      'Connections',
      'short',
      'Beside the limit, and those of them that are sockets.',
      query(sum('instance', series('kedge_gateway_connections')), '{{instance}}'),
      query(sum('instance', series('kedge_gateway_max_connections')), 'limit {{instance}}'),
      query(sum('instance', series('kedge_gateway_sockets')), 'sockets {{instance}}'),
    ),
    lines(
      'Bytes',
      'Bps',
      'Bytes in a second, with those of headers.',
      query(sum('instance', rate('kedge_gateway_received_bytes_total')), 'received {{instance}}'),
      query(sum('instance', rate('kedge_gateway_sent_bytes_total')), 'sent {{instance}}'),
    ),
    lines(
      'Shared tail',
      'ops',
      'Reads that cost Kafka nothing, and those that are handed on to it.',
      query(sum('instance', rate('kedge_gateway_tail_hits_total')), 'from memory {{instance}}'),
      query(sum('instance', rate('kedge_gateway_tail_reads_total')), 'from Kafka {{instance}}'),
    ),
    lines(
      'Proofs of freshness',
      'ops',
      'Questions of isolates to the gateway as their tail, looks at the log by which they were answered, and those that were refused.',
      query(sum('instance', rate('kedge_gateway_proof_questions_total')), 'questions {{instance}}'),
      query(sum('instance', rate('kedge_gateway_proof_samples_total')), 'samples {{instance}}'),
      query(sum('instance', rate('kedge_gateway_proofs_refused_total')), 'refused {{instance}}'),
    ),
    lines(
      'Partitions read for many, and brokers',
      'short',
      'Partitions that are read once for all who wait, those that isolates have asked about, and brokers that the cluster names.',
      query(sum('instance', series('kedge_gateway_tails')), 'tails {{instance}}'),
      query(sum('instance', series('kedge_gateway_proof_places')), 'proofs {{instance}}'),
      query(sum('instance', series('kedge_gateway_brokers')), 'brokers {{instance}}'),
    ),
    lines(
      'Refused',
      'ops',
      'Requests and records that were refused in a second, by reason.',
      query(sum('reason', rate('kedge_gateway_refused_total')), '{{reason}}'),
    ),
    lines(
      'Clients refused',
      'ops',
      'Connections beyond the limit, and credentials that are missing, wrong, or too many wrong ones.',
      query(sum('instance', rate('kedge_gateway_connections_refused_total')), 'connections {{instance}}'),
      query(sum('reason', rate('kedge_gateway_credentials_refused_total')), 'credentials {{reason}}'),
    ),
    lines(
      'Errors of Kafka',
      'ops',
      'Errors in the answers of brokers, by their names in the protocol.',
      query(sum('code', rate('kedge_gateway_kafka_errors_total')), '{{code}}'),
    ),
  ],
}
