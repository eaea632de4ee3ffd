/** Examines whether the polls of a cache are quick enough for its options. @module */
import type { KafkaLog, Position } from '../src/ports/kafka-log.ts'
import { fault } from './failure.ts'
import { ok, problem, skipped, warning } from './findings.ts'
import type { Finding } from './findings.ts'
import type { Session } from './session.ts'
import { lengthOf } from './terminal.ts'

/** The options of the caches that a proxy is measured against, in milliseconds. */
export interface CacheLimits {
  readonly pollTimeoutMs: number
  readonly maxStalenessMs: number
}

/** The place of an existing record. */
export interface Place extends Position {
  readonly topic: string
}

/** How long the proxy may take to return an existing record. */
const LONGEST_MS = 10_000
const PAUSE_MS = 50
const SAMPLES = 3
const READ_BYTES = 1_000_000
/** A cache cancels a poll after so many times `pollTimeout`. */
const GIVEN_UP_FACTOR = 4
/** Factor from the measured time to the advised option: loads vary. */
const ROOM = 1.5
/** A poll that takes longer than its half is close to `pollTimeout`. */
const CLOSE = 2

/**
 * Times polls that find a record, as a cache makes them: first over a new adapter, whose first poll opens a
 * consumer at the proxy, and then over the same adapter.
 *
 * @param connect makes such an adapter
 * @param place a record to find; `undefined` where there is none
 */
export async function examinePolls(
  connect: () => Promise<KafkaLog>,
  place: Place | undefined,
  limits: CacheLimits,
  session: Session,
): Promise<Finding[]> {
  if (place === undefined) return [skipped('poll', 'there is no record that a poll could find')]
  const log = await connect()
  try {
    const first = await timed(log, place, limits, session, READ_BYTES)
    if (first === undefined)
      return [problem('poll', `no poll finds the record at ${place.partition}@${place.offset}`)]
    const times: number[] = []
    // Each poll asks for fewer bytes than the one before, so that no adapter answers it from records that it
    // has kept.
    for (let sample = 0; sample < SAMPLES; sample++)
      times.push((await timed(log, place, limits, session, READ_BYTES - 1 - sample)) ?? LONGEST_MS)
    const middle = times.toSorted((a, b) => a - b)[Math.floor(SAMPLES / 2)]!
    return [firstPoll(first, limits), pollFinding('poll', 'a poll that finds something', middle, limits)]
  } catch (error) {
    session.stop.throwIfAborted()
    return [problem('poll', `a poll fails: ${fault(error)}`)]
  } finally {
    await log.close?.().catch(() => undefined)
  }
}

/** How long polls take until one returns the record; `undefined` where none does. */
async function timed(
  log: KafkaLog,
  { topic, partition, offset }: Place,
  { pollTimeoutMs }: CacheLimits,
  { runtime, stop: signal }: Session,
  maxBytes: number,
): Promise<number | undefined> {
  const began = runtime.monotonic()
  await log.offsets(topic, { partitions: [partition], signal })
  for (;;) {
    const { records } = await log.read(topic, [{ partition, offset }], {
      maxBytes,
      waitMs: pollTimeoutMs / 2,
      isolation: 'uncommitted',
      signal,
    })
    const ms = runtime.monotonic() - began
    if (records.some((record) => record.offset === offset)) return ms
    if (ms > LONGEST_MS) return undefined
    await runtime.sleep(PAUSE_MS, signal)
  }
}

/**
 * Judges the first poll of an isolate, and of one that has slept: it takes longer, because it opens a
 * consumer.
 */
function firstPoll(ms: number, limits: CacheLimits): Finding {
  const { pollTimeoutMs } = limits
  const says = `the first poll that finds something takes ${lengthOf(ms)}`
  if (ms <= pollTimeoutMs) return ok('first poll', says)
  const longer = `${says}, longer than \`pollTimeout\` (${lengthOf(pollTimeoutMs)})`
  const remedy = advice(ms, undefined)
  if (ms <= pollTimeoutMs * GIVEN_UP_FACTOR)
    return warning(
      'first poll',
      `${longer}: the first reads after a start or a pause do without the cache`,
      remedy,
    )
  return problem(
    'first poll',
    `${longer}, and than four times that: a cache cancels such a poll, and begins another`,
    remedy,
  )
}

/** Compares how long `what` takes with what a cache allows. */
export function pollFinding(
  check: string,
  what: string,
  ms: number,
  { pollTimeoutMs, maxStalenessMs }: CacheLimits,
): Finding {
  const says = `${what} takes ${lengthOf(ms)}`
  const late = ms > pollTimeoutMs
  // A poll begins when half of `maxStaleness` is over, and its proof is as old as its beginning.
  const stale = maxStalenessMs > 0 && ms > maxStalenessMs / 2
  const remedy = advice(late ? ms : undefined, stale ? ms : undefined)
  if (late && stale)
    return problem(
      check,
      `${says}: too long for \`pollTimeout\` (${lengthOf(pollTimeoutMs)}) and for \`maxStaleness\` (${lengthOf(maxStalenessMs)}): reads do without the cache`,
      remedy,
    )
  if (late)
    return problem(
      check,
      `${says}, longer than \`pollTimeout\` (${lengthOf(pollTimeoutMs)}): reads that wait for one do without the cache`,
      remedy,
    )
  if (stale)
    return problem(
      check,
      `${says}, longer than half of \`maxStaleness\` (${lengthOf(maxStalenessMs)}): the next proof comes after the last one has ended`,
      remedy,
    )
  if (ms * CLOSE > pollTimeoutMs)
    return warning(
      check,
      `${says}: close to \`pollTimeout\` (${lengthOf(pollTimeoutMs)})`,
      advice((ms * CLOSE) / ROOM, undefined),
    )
  return ok(check, says)
}

/** The options that the caches should have. */
function advice(forTimeout: number | undefined, forStaleness: number | undefined): string {
  const timeout = forTimeout === undefined ? [] : [`\`pollTimeout: '${roomy(forTimeout)}'\``]
  const staleness = forStaleness === undefined ? [] : [`\`maxStaleness: '${roomy(forStaleness * 2)}'\``]
  return `give the caches ${[...timeout, ...staleness].join(' and ')}, or a nearer proxy`
}

/** A duration with room for `ms`: in steps that people write. */
function roomy(ms: number): string {
  const wanted = ms * ROOM
  return wanted <= 750 ? `${Math.ceil(wanted / 250) * 250}ms` : `${Math.ceil(wanted / 1000)}s`
}
