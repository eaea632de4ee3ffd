/** What is shown of a process, by its command. @module */
import type { Colour } from '../terminal.ts'
import { bytes, count, percent, perSecond, seconds, share } from './figures.ts'
import { narrow } from './spans.ts'
import type { WatchedProcess } from './watched-process.ts'

export interface Field {
  readonly label: string
  readonly value: string
  readonly colour?: Colour
  /** Its name in the histories, where it has one. */
  readonly history?: string
}

type FieldsOf = (of: WatchedProcess) => Field[]

/** Reasons and codes that are named beside their sum. */
const MAX_NAMED = 2

const field = (label: string, value: string, colour?: Colour | false): Field =>
  colour ? { label, value, colour } : { label, value }

/** Notes the value, and shows it with its history. */
function noted(
  of: WatchedProcess,
  label: string,
  value: number | undefined,
  text: string,
  colour?: Colour | false,
): Field {
  of.note(label, value)
  return { ...field(label, text, colour), history: label }
}

/** A counter of what should not happen: yellow while it grows, and as it is known that it has. */
function fault(of: WatchedProcess, label: string, name: string, by?: string): Field {
  const total = of.value(name) ?? 0
  const more = of.growth(name)
  const named = by === undefined || !total ? '' : ` ${largest(of, name, by)}`
  return field(
    label,
    `${count(total)}${more ? ` (+${count(more)})` : ''}${named}`,
    more ? 'red' : !!total && 'yellow',
  )
}

/** The labels that most of it has. */
function largest(of: WatchedProcess, name: string, by: string): string {
  const samples = of.metrics?.all(name).filter(({ value }) => value > 0) ?? []
  const sorted = samples.toSorted((a, b) => b.value - a.value)
  const shown = sorted.slice(0, MAX_NAMED).map(({ labels }) => narrow(labels[by] ?? ''))
  return `${shown.join(', ')}${sorted.length > MAX_NAMED ? ', …' : ''}`
}

/** How many, and how many a second. */
function counter(of: WatchedProcess, label: string, name: string): Field {
  const rate = of.rate(name)
  return noted(
    of,
    label,
    rate,
    `${count(of.value(name) ?? 0)}${rate === undefined ? '' : `, ${perSecond(rate)}`}`,
  )
}

function lag(of: WatchedProcess, name: string, ageName?: string): Field {
  const records = of.value(name) ?? lagOfPartitions(of)
  const age = ageName === undefined ? undefined : of.value(ageName)
  const since = age ? `, ${seconds(age)}` : ''
  return noted(of, 'lag', records, `${count(records)}${since}`, !!records && 'yellow')
}

function lagOfPartitions(of: WatchedProcess): number | undefined {
  const places = of.last?.partitions ?? []
  if (places.length === 0) return undefined
  return places.reduce((sum, { position, end }) => sum + Math.max(0, end - position), 0)
}

function freshness(of: WatchedProcess): Field {
  const [ready, age] = [of.value('kedge_serve_ready'), of.value('kedge_serve_fresh_age_seconds')]
  if (ready === 1) return field('freshness', `proved ${seconds(age)} ago`, 'green')
  return field('freshness', age === undefined ? 'never proved' : `not proved for ${seconds(age)}`, 'red')
}

function hits(of: WatchedProcess, hit: string, miss: string, label: string): Field {
  const now = share(of.growth(hit), of.growth(miss))
  const all = share(of.value(hit), of.value(miss))
  return noted(of, label, now, `${percent(now ?? all)}${now === undefined ? '' : ` (all: ${percent(all)})`}`)
}

const ofServe: FieldsOf = (of) => [
  freshness(of),
  hits(of, 'kedge_serve_hits_total', 'kedge_serve_misses_total', 'hit ratio'),
  counter(of, 'hits', 'kedge_serve_hits_total'),
  counter(of, 'loads', 'kedge_serve_loads_total'),
  counter(of, 'evictions', 'kedge_serve_evictions_total'),
  counter(of, 'requests', 'kedge_serve_request_duration_seconds_count'),
  lag(of, 'kedge_serve_lag_records'),
  field('held', `${count(of.value('kedge_serve_entries'))}, ${bytes(of.value('kedge_serve_bytes'))}`),
  fault(of, 'fenced', 'kedge_serve_fenced_loads_total'),
  fault(of, 'refused', 'kedge_serve_refused_records_total'),
  resyncs(of),
  fault(of, 'poll errors', 'kedge_serve_poll_failures_total'),
  ...origin(of),
]

/** Without the first contact with each partition, which counts as one. */
function resyncs(of: WatchedProcess): Field {
  const partitions = of.last?.partitions.length ?? 0
  const total = Math.max(0, (of.value('kedge_serve_reanchors_total') ?? 0) - partitions)
  const more = of.growth('kedge_serve_reanchors_total')
  return field('resyncs', count(total), total > 0 && (more ? 'red' : 'yellow'))
}

function origin(of: WatchedProcess): Field[] {
  const up = of.value('kedge_serve_origin_up')
  return up === undefined ? [] : [field('origin', up === 1 ? 'answers' : 'fails', up === 1 ? 'green' : 'red')]
}

function traffic(of: WatchedProcess, name: string): string {
  const rate = of.rate(name)
  return `${bytes(of.value(name))}${rate === undefined ? '' : `, ${bytes(rate)}/s`}`
}

const ofGateway: FieldsOf = (of) => {
  const polls = of.value('kedge_gateway_polls_waiting')
  const [to, from] = ['sent', 'received'].map((way) => `kedge_gateway_${way}_bytes_total`)
  return [
    noted(of, 'pollers', polls, `${count(polls)} wait`),
    counter(of, 'requests', 'kedge_gateway_request_duration_seconds_count'),
    hits(of, 'kedge_gateway_tail_hits_total', 'kedge_gateway_tail_reads_total', 'tail hits'),
    counter(of, 'tail reads', 'kedge_gateway_tail_reads_total'),
    ...ofKafka(of),
    counter(of, 'proofs', 'kedge_gateway_proof_questions_total'),
    field('sampled', sampled(of)),
    field('connections', count(of.value('kedge_gateway_connections'))),
    noted(of, 'sent', of.rate(to!), traffic(of, to!)),
    noted(of, 'received', of.rate(from!), traffic(of, from!)),
    fault(of, 'refused', 'kedge_gateway_refused_total', 'reason'),
    fault(of, 'credentials', 'kedge_gateway_credentials_refused_total', 'reason'),
    fault(of, 'no room', 'kedge_gateway_connections_refused_total'),
    fault(of, 'Kafka errors', 'kedge_gateway_kafka_errors_total', 'code'),
  ]
}

/** A log in memory has neither. */
const ofKafka: FieldsOf = (of) => {
  const [brokers, tails] = [of.value('kedge_gateway_brokers'), of.value('kedge_gateway_tails')]
  return [
    ...(brokers === undefined ? [] : [field('brokers', count(brokers), brokers === 0 && 'red')]),
    ...(tails === undefined ? [] : [noted(of, 'tails', tails, partitions(tails))]),
  ]
}

/** How often the log was looked at for proofs, and of how many partitions. */
const sampled = (of: WatchedProcess): string =>
  `${count(of.value('kedge_gateway_proof_samples_total') ?? 0)} times, ${partitions(of.value('kedge_gateway_proof_places') ?? 0)}`

const partitions = (of: number): string => `${count(of)} ${of === 1 ? 'partition' : 'partitions'}`

const ofSync: FieldsOf = (of) => {
  const rehydrating = of.value('kedge_sync_rehydrating') === 1
  return [
    field(
      'store',
      rehydrating ? 'rehydrating' : of.value('kedge_sync_ready') === 1 ? 'ready' : 'behind',
      rehydrating ? 'cyan' : of.value('kedge_sync_ready') === 1 ? 'green' : 'red',
    ),
    lag(of, 'kedge_sync_lag_records', 'kedge_sync_lag_seconds'),
    counter(of, 'records', 'kedge_sync_records_total'),
    ...(of.value('kedge_sync_written_total') === undefined
      ? [
          counter(of, 'evictions', 'kedge_sync_tier_evictions_total'),
          fault(of, 'failures', 'kedge_sync_tier_failures_total'),
        ]
      : [
          counter(of, 'written', 'kedge_sync_written_total'),
          fault(of, 'unusable', 'kedge_sync_unusable_total'),
          field(
            'dead letters',
            count(of.value('kedge_sync_dead_letters_total')),
            !!of.value('kedge_sync_dead_letters_total') && 'yellow',
          ),
          fault(of, 'letters lost', 'kedge_sync_dead_letters_lost_total'),
          fault(of, 'records lost', 'kedge_sync_lost_records_total'),
          fault(of, 'store errors', 'kedge_sync_store_failures_total'),
          fault(of, 'log errors', 'kedge_sync_log_failures_total'),
        ]),
    field('pressure', percent(of.value('kedge_sync_pressure'))),
  ]
}

const ofLoader: FieldsOf = (of) => [
  counter(of, 'requests', 'kedge_loader_requests_total'),
  counter(of, 'values', 'kedge_loader_values_total'),
  counter(of, 'loads', 'kedge_loader_loads_total'),
  lag(of, 'kedge_loader_lag_records'),
  field(
    'queued',
    `${count(of.value('kedge_loader_queued'))}, ${seconds(of.value('kedge_loader_queued_seconds'))}`,
  ),
  field('loading', count(of.value('kedge_loader_loading'))),
  fault(of, 'failed', 'kedge_loader_failed_total'),
  fault(of, 'overflowed', 'kedge_loader_overflowed_total'),
  fault(of, 'unreadable', 'kedge_loader_unreadable_total'),
]

const ofPersister: FieldsOf = (of) => [
  counter(of, 'persisted', 'kedge_persister_persisted_total'),
  lag(of, 'kedge_persister_lag_records', 'kedge_persister_lag_seconds'),
  field('pressure', percent(of.value('kedge_persister_pressure'))),
  fault(of, 'dead letters', 'kedge_persister_dead_letters_total'),
  fault(of, 'writes lost', 'kedge_persister_lost_records_total'),
  fault(of, 'store errors', 'kedge_persister_store_failures_total'),
  fault(of, 'log errors', 'kedge_persister_log_failures_total'),
]

const ofEach: FieldsOf = (of) => {
  const cpu = of.rate('process_cpu_seconds_total')
  return [
    noted(of, 'processor', cpu, percent(cpu)),
    field('memory', bytes(of.value('process_resident_memory_bytes'))),
    field('event loop', `p99 ${seconds(of.value('nodejs_eventloop_lag_p99_seconds'))}`),
  ]
}

const BY_COMMAND: Readonly<Record<string, FieldsOf>> = {
  gateway: ofGateway,
  serve: ofServe,
  sync: ofSync,
  loader: ofLoader,
  persister: ofPersister,
}

/** To be called once for each look: it notes what has a history. A command that is not known here has what all have. */
export function fieldsOf(of: WatchedProcess): readonly Field[] {
  const { command = '' } = of.metrics?.all('kedge_build_info')[0]?.labels ?? {}
  const own = Object.hasOwn(BY_COMMAND, command) ? BY_COMMAND[command]! : () => []
  return [...own(of), ...ofEach(of)]
}
