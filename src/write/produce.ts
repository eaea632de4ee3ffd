/**
 * The producer: a produce call with its repetitions, within `publishTimeout`, that resolves only when every record is
 * acknowledged with an offset.
 *
 * @module
 */
import { untilAborted } from '../runtime/abort.ts'
import { withDeadline } from '../runtime/deadline.ts'
import { KedgeError, isKedgeError, isRefused } from '../ports/errors.ts'
import type { NewRecord, Position } from '../ports/kafka-log.ts'
import { isUnanswered } from './publish-deadline.ts'
import type { Settings } from '../api/settings.ts'
import { retry, pauseMs } from '../runtime/retry.ts'

const RETRIES = 3
const BACKOFF = { firstMs: 50, maxMs: 200, maxAskedMs: 5000 }

/**
 * Appends the records, within `publishTimeout`. Repeats a write that waits to be persisted only where it is known not to be
 * in the log: its intent must name the one offset where it stands.
 * @throws KedgeError `ERR_PUBLISH` when one is not acknowledged: it may or may not be in the log. The log's own error when
 * it refused all of them.
 */
export const produce = (
  settings: Settings,
  topic: string,
  records: readonly NewRecord[],
  signal: AbortSignal | undefined,
): Promise<Position[]> =>
  produced(settings, topic, signal, () => {
    const task = (inner: AbortSignal) => attempt(settings, topic, records, inner)
    return withDeadline(settings.runtime, settings.publishTimeoutMs, silent, task, signal)
  })

/** The same, where the signal is that of a deadline already. */
export const produceUntil = (
  settings: Settings,
  topic: string,
  records: readonly NewRecord[],
  signal: AbortSignal,
): Promise<Position[]> =>
  produced(settings, topic, signal, () =>
    untilAborted(signal, () => attempt(settings, topic, records, signal)),
  )

async function produced(
  settings: Settings,
  topic: string,
  signal: AbortSignal | undefined,
  call: () => Promise<Position[]>,
): Promise<Position[]> {
  const since = settings.runtime.monotonic()
  const failed = (error: unknown) => {
    const durationMs = Math.max(0, settings.runtime.monotonic() - since)
    settings.emit?.({ type: 'publish_failed', topic, error, durationMs })
  }
  try {
    return await call()
  } catch (cause) {
    if (signal?.aborted) {
      const { reason } = signal
      if (isUnanswered(reason)) failed(reason)
      throw reason
    }
    failed(cause)
    throw isRefused(cause) ? cause : unacknowledged(cause)
  }
}

/** The error of a write that may be in the log. */
export function unacknowledged(cause: unknown): KedgeError {
  const known = isKedgeError(cause) ? cause : undefined
  return new KedgeError(
    'ERR_PUBLISH',
    'Kafka did not acknowledge the write: it may or may not be in the log',
    { cause, retryable: known?.retryable ?? true, retryAfterMs: known?.retryAfterMs },
  )
}

function attempt(
  { log, runtime, writesTopic }: Settings,
  topic: string,
  records: readonly NewRecord[],
  signal: AbortSignal,
): Promise<Position[]> {
  const send = async () => acknowledged(records, await log.produce(topic, records, { signal }))
  let isInDoubt = false
  const pauseAfter = (error: unknown, failures: number) => {
    const refused = isRefused(error)
    const isLast = failures >= RETRIES || !isKedgeError(error) || !error.retryable
    // That this attempt was refused does not take back an earlier one.
    if (isLast || (topic === writesTopic && !refused)) throw isInDoubt ? unacknowledged(error) : error
    isInDoubt ||= !refused
    return pauseMs(BACKOFF, failures, error, runtime.random())
  }
  return retry(runtime, send, pauseAfter, signal)
}

/**
 * The positions, if they are an acknowledgement of these records: a status of 200 is none, and neither is an offset
 * of -1.
 */
function acknowledged(records: readonly NewRecord[], positions: Position[]): Position[] {
  const holds =
    positions.length === records.length &&
    positions.every(({ partition, offset }, at) => {
      const named = records[at]!.partition
      return Number.isSafeInteger(offset) && offset >= 0 && (named === undefined || named === partition)
    })
  if (!holds)
    throw new KedgeError('ERR_PROTOCOL', 'not every record was acknowledged with its partition and offset')
  return positions
}

const silent = () => new KedgeError('ERR_TIMEOUT', 'Kafka did not answer a write', { retryable: true })
