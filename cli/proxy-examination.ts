/** Examines a proxy, and reports what is wrong with it. @module */
import { isKedgeError } from '../src/ports/errors.ts'
import type { KafkaLog, PartitionOffsets } from '../src/ports/kafka-log.ts'
import { fault } from './failure.ts'
import { ok, problem, skipped, warning } from './findings.ts'
import type { Finding } from './findings.ts'
import { adviceOnRight } from './missing-right.ts'
import { creation, isUnknownTopic } from './missing-topic.ts'
import { examinePolls, pollFinding } from './poll-examination.ts'
import type { CacheLimits, Place } from './poll-examination.ts'
import { roundTrip } from './round-trip.ts'
import type { Session } from './session.ts'
import type { Flavor } from './settings/proxy.ts'
import { lengthOf } from './terminal.ts'
import type { TransportProbe } from './transport-probe.ts'

export interface Subject {
  readonly url: string
  readonly flavor: Flavor
  /** Whether the proxy's answers identify it as this flavor. */
  readonly recognised: boolean
  /** Time limits from the options of the caches. */
  readonly limits: CacheLimits
  readonly evictions: string
  readonly updates: string
  readonly partitions: number | undefined
  /** The topic to write heartbeats to; `undefined`: write nothing. */
  readonly probeTopic: string | undefined
}

const SAMPLES = 5
/** Caches refuse values from further in the future. */
const MAX_SKEW_MS = 5000
const NOTABLE_SKEW_MS = 2000

/**
 * Examines everything that a cache needs of its proxy. Rejects only when the process gets a signal to end.
 *
 * @param connect makes a new adapter
 */
export async function examineProxy(
  log: KafkaLog,
  connect: () => Promise<KafkaLog>,
  transport: TransportProbe,
  subject: Subject,
  session: Session,
): Promise<Finding[]> {
  const { stop: signal } = session
  let bounds: PartitionOffsets[]
  try {
    bounds = await log.offsets(subject.evictions, { signal })
  } catch (error) {
    signal.throwIfAborted()
    return [...refused(error, subject, transport), ...clock(transport)]
  }
  const trip = await roundTrip(log, bounds, subject, session)
  return [
    ok('reachable', `${subject.url} answers`),
    ok('credentials', 'accepted'),
    offsets(bounds, subject),
    identity(log, bounds),
    ...trip.findings,
    await updates(log, subject, signal),
    ...clock(transport),
    await latency(log, transport, subject, signal),
    ...(await examinePolls(connect, trip.place ?? newest(bounds, subject), subject.limits, session)),
  ]
}

/** The newest record of the topic, for an examination that has written no record of its own. */
function newest(bounds: readonly PartitionOffsets[], { evictions: topic }: Subject): Place | undefined {
  const filled = bounds.find(({ beginning, end }) => end > beginning)
  return filled && { topic, partition: filled.partition, offset: filled.end - 1 }
}

/** The findings from the error of the first request. */
export function refused(error: unknown, subject: Subject, { exchanges }: TransportProbe): Finding[] {
  const answered = exchanges.length > 0
  const code = isKedgeError(error) ? error.code : undefined
  const why = fault(error)
  const here = ok('reachable', `${subject.url} answers`)
  if (code === 'ERR_TIMEOUT')
    return [
      problem(
        'reachable',
        `${subject.url} does not answer in time`,
        'is it overloaded, or a firewall on the way?',
      ),
    ]
  if (!answered) return [problem('reachable', `${subject.url} cannot be reached: ${why}`)]
  const right = adviceOnRight(error, { operation: 'Describe', topic: subject.evictions })
  if (code === 'ERR_AUTH' && right !== undefined)
    return [here, ok('credentials', 'accepted'), problem('rights', why, right)]
  if (code === 'ERR_AUTH')
    return [
      here,
      problem('credentials', `refused: ${why}`, '--username with KEDGE_PASSWORD, or KEDGE_AUTH_TOKEN'),
    ]
  const admitted = ok('credentials', 'accepted')
  if (code === 'ERR_UNKNOWN_TOPIC')
    return [
      here,
      admitted,
      problem('offsets', `there is no topic ${subject.evictions}`, creation('evictions', subject.evictions)),
    ]
  if (code === 'ERR_RATE_LIMITED')
    return [here, admitted, problem('rate', `it refuses too many requests: ${why}`)]
  // An answer that is not JSON may come from another kind of server.
  if (isKedgeError(error) && error.retryable && code !== 'ERR_PROTOCOL')
    return [
      here,
      problem('cluster', `what stands behind it does not work: ${why}`, 'kedge doctor --brokers …'),
    ]
  const other = subject.recognised ? undefined : 'no proxy that is known answers there: see the path of --url'
  return [here, problem('protocol', `it does not speak as expected: ${why}`, other)]
}

function offsets(bounds: readonly PartitionOffsets[], { partitions, evictions }: Subject): Finding {
  const shown = bounds.map(({ partition, beginning, end }) => `${partition}: ${beginning} to ${end}`)
  const more = shown.length > 5 ? ', …' : ''
  const count = bounds.length === 1 ? '1 partition' : `${bounds.length} partitions`
  const says = `${evictions} has ${count} (${shown.slice(0, 5).join(', ')}${more})`
  if (partitions !== undefined && partitions !== bounds.length)
    return problem(
      'offsets',
      `${says}, and ${partitions} are configured: a namespace is looked for in another partition than it is written to`,
      `give every cache \`evictionPartitions: ${bounds.length}\``,
    )
  return ok('offsets', says)
}

function identity(log: KafkaLog, bounds: readonly PartitionOffsets[]): Finding {
  if (bounds.every(({ logId }) => logId !== undefined))
    return ok('identity', 'caches notice at once when the topic is deleted and created again')
  if (log.capabilities.identity)
    return problem(
      'identity',
      "the answer has no topic id: a proxy in between removes the gateway's header `kedge-log-id`",
      'let it pass, or use --flavor confluent, and `confluent({ url })` in the caches',
    )
  return warning(
    'identity',
    'this kind of proxy returns no topic id: caches recognise the log by the last record that they have read',
    'write a heartbeat now and then (the cron of the worker does), or use the gateway',
  )
}

async function updates(log: KafkaLog, { updates: topic }: Subject, signal: AbortSignal): Promise<Finding> {
  try {
    const bounds = await log.offsets(topic, { signal })
    const isolation = log.capabilities.readCommitted
      ? ''
      : '; values of aborted transactions would be read too, so caches ask for `updatesIsolation`'
    return ok(
      'updates',
      `${topic} has ${bounds.length === 1 ? '1 partition' : `${bounds.length} partitions`}${isolation}`,
    )
  } catch (error) {
    signal.throwIfAborted()
    const isMissing = isUnknownTopic(error)
    const why = isMissing ? `there is no topic ${topic}` : fault(error)
    return warning(
      'updates',
      `${why}: replicate() and prewarm() have nothing to read`,
      isMissing ? creation('updates', topic) : adviceOnRight(error, { operation: 'Describe', topic }),
    )
  }
}

/** The difference of the clocks, from the shortest exchange, which bounds it best. */
function clock({ exchanges }: TransportProbe): Finding[] {
  if (exchanges.length === 0) return []
  const told = exchanges.filter(({ clockMs }) => clockMs !== undefined).toSorted((a, b) => a.ms - b.ms)[0]
  if (told?.clockMs === undefined) return [skipped('clock', 'the answers of the proxy have no Date header')]
  const { clockMs, ms } = told
  const direction = clockMs > 0 ? 'ahead of' : 'behind'
  const off = Math.abs(clockMs) - 500 - ms / 2
  if (off <= NOTABLE_SKEW_MS) return [ok('clock', 'the same as here, as far as a Date header can tell')]
  const says = `the clock of the proxy is about ${lengthOf(Math.abs(clockMs))} ${direction} the one here`
  if (off <= MAX_SKEW_MS) return [warning('clock', says, 'let both take the time from the network (NTP)')]
  return [
    problem(
      'clock',
      `${says}: values from more than ${lengthOf(MAX_SKEW_MS)} in the future are refused, and TTLs of shared values shortened`,
      'let both take the time from the network (NTP)',
    ),
  ]
}

async function latency(
  log: KafkaLog,
  { exchanges }: TransportProbe,
  { evictions, limits }: Subject,
  signal: AbortSignal,
): Promise<Finding> {
  const before = exchanges.length
  try {
    for (let sample = 0; sample < SAMPLES; sample++) await log.offsets(evictions, { partitions: [0], signal })
  } catch (error) {
    signal.throwIfAborted()
    return problem('latency', `some polls fail: ${fault(error)}`)
  }
  const times = exchanges.slice(before).map(({ ms }) => ms)
  const middle = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0
  return pollFinding('latency', 'a poll that finds nothing', middle, limits)
}
