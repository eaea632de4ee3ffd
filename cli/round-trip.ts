/** Examines whether a written record comes back, and whether a long poll ends when it arrives. @module */
import { json } from '../src/wire/codec.ts'
import type { KafkaLog, LogRecord, PartitionOffsets, Position } from '../src/ports/kafka-log.ts'
import type { BeatMessage } from '../src/wire/messages.ts'
import { fault } from './failure.ts'
import { adviceOnRight } from './missing-right.ts'
import { ok, problem, skipped, warning } from './findings.ts'
import type { Finding } from './findings.ts'
import type { Place } from './poll-examination.ts'
import { readRange } from './read-range.ts'
import type { Session } from './session.ts'
import { lengthOf } from './terminal.ts'

const LONG_POLL_MS = 3000
/** How long a poll waits before the examination writes a record for it. */
const HEAD_START_MS = 200

interface Probed {
  readonly evictions: string
  readonly probeTopic: string | undefined
}

/** The findings, and the written record. */
interface Trip {
  readonly findings: readonly Finding[]
  /** `undefined` where nothing was written, or the record does not come back. */
  readonly place?: Place
}

/** Writes a heartbeat and reads it; then lets a poll wait, and writes another. */
export async function roundTrip(
  log: KafkaLog,
  bounds: readonly PartitionOffsets[],
  { evictions, probeTopic: topic }: Probed,
  session: Session,
): Promise<Trip> {
  if (topic === undefined)
    return {
      findings: [
        skipped('write', 'nothing may be written'),
        skipped('read', 'nothing was written'),
        skipped('long poll', 'nothing may be written'),
      ],
    }
  const { runtime, stop } = session
  const began = runtime.monotonic()
  const { value, position, failure, advice } = await written(log, topic, session)
  if (position === undefined)
    return { findings: [problem('write', failure ?? '', advice), skipped('read', 'nothing was written')] }
  const findings = [acknowledged(position, topic === evictions ? bounds : [], runtime.monotonic() - began)]
  let back = false
  try {
    const read = await readBack(log, topic, position, value, session)
    back = read.status === 'ok'
    findings.push(read)
    findings.push(await longPoll(log, topic, { ...position, offset: position.offset + 1 }, session))
  } catch (error) {
    stop.throwIfAborted()
    const right = adviceOnRight(error, { operation: 'Read', topic })
    findings.push(problem('read', `reading fails: ${fault(error)}`, right))
  }
  return { findings, ...(back && { place: { topic, ...position } }) }
}

interface Written {
  readonly value: Uint8Array
  readonly position?: Position
  readonly failure?: string
  readonly advice?: string | undefined
}

async function written(log: KafkaLog, topic: string, { runtime, stop: signal }: Session): Promise<Written> {
  // Unique by time and chance, so that no other heartbeat equals it.
  const beat: BeatMessage = { v: 1, op: 'beat', at: runtime.now() + runtime.random() }
  const value = json.encode(beat)
  try {
    const [position] = await log.produce(topic, [{ key: null, value, partition: 0 }], { signal })
    return position ? { value, position } : { value, failure: 'the write was not acknowledged' }
  } catch (error) {
    signal.throwIfAborted()
    const advice = adviceOnRight(error, { operation: 'Write', topic })
    return { value, failure: `a heartbeat cannot be written to ${topic}: ${fault(error)}`, advice }
  }
}

function acknowledged(
  { partition, offset }: Position,
  bounds: readonly PartitionOffsets[],
  ms: number,
): Finding {
  const end = bounds.find((each) => each.partition === partition)?.end
  if (end !== undefined && offset < end)
    return problem(
      'write',
      `acknowledged at offset ${offset}, although the log ended at ${end} before: the proxy answers from the past`,
      'is there a cache between, or do writes and reads go to different clusters?',
    )
  return ok('write', `a heartbeat was acknowledged at ${partition}@${offset} after ${lengthOf(ms)}`)
}

async function readBack(
  log: KafkaLog,
  topic: string,
  position: Position,
  value: Uint8Array,
  { runtime, stop: signal }: Session,
): Promise<Finding> {
  const began = runtime.monotonic()
  let found: LogRecord | undefined
  const ends = new Map([[position.partition, position.offset + 1]])
  await readRange(
    log,
    { topic, from: [position], ends, isolation: 'uncommitted' },
    { runtime, signal, take: (record) => void (found = record) },
  )
  const ms = lengthOf(runtime.monotonic() - began)
  if (found === undefined)
    return problem('read', `what was written at ${position.partition}@${position.offset} does not come back`)
  if (same(found.value, value)) return ok('read', `it came back as it was written, after ${ms}`)
  return problem(
    'read',
    `at ${position.partition}@${position.offset} stands something else than was written`,
    'do writes and reads go to different clusters, or does something on the way change records?',
  )
}

const same = (a: Uint8Array | null, b: Uint8Array): boolean =>
  a !== null && a.length === b.length && a.every((byte, at) => byte === b[at])

async function longPoll(log: KafkaLog, topic: string, at: Position, session: Session): Promise<Finding> {
  if (!log.capabilities.longPoll)
    return skipped('long poll', 'this kind of proxy has none: follow() asks again and again')
  const { runtime, stop: signal } = session
  const began = runtime.monotonic()
  // Both are awaited together, so that a failure of one leaves no unhandled rejection of the other.
  const [answer, second] = await Promise.all([
    log
      .read(topic, [at], { maxBytes: 100_000, waitMs: LONG_POLL_MS, isolation: 'uncommitted', signal })
      .then((result) => ({
        records: result.records,
        ms: runtime.monotonic() - began,
      })),
    runtime.sleep(HEAD_START_MS, signal).then(() => written(log, topic, session)),
  ])
  if (second.failure !== undefined) return skipped('long poll', second.failure)
  const took = lengthOf(answer.ms)
  if (answer.records.length > 0)
    return ok('long poll', `a poll that waited was answered when a record came, after ${took}`)
  if (answer.ms < LONG_POLL_MS / 2)
    return warning(
      'long poll',
      `a poll that asked to wait for ${lengthOf(LONG_POLL_MS)} was answered after ${took}, with nothing: follow() asks more often`,
      'does something on the way cut waiting requests short?',
    )
  return problem(
    'long poll',
    `a poll waited for ${took} although a record had come`,
    'does something on the way hold answers back?',
  )
}
