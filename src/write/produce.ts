/**
 * The producer: a produce call with its repetitions, within `publishTimeout`, that resolves only when every record is
 * acknowledged with an offset.
 *
 * @module
 */
import { withDeadline } from '../runtime/deadline.ts'
import { KedgeError, isKedgeError } from '../ports/errors.ts'
import type { NewRecord, Position } from '../ports/kafka-log.ts'
import { isUnanswered } from './publish-deadline.ts'
import type { Settings } from '../api/settings.ts'

const RETRIES = 3
const FIRST_RETRY_MS = 50
const MAX_RETRY_AFTER_MS = 5000

/**
 * Appends the records. Repeats a write that waits to be persisted only where it is known not to be in the
 * log: its intent must name the one offset where it stands.
 * @throws KedgeError `ERR_PUBLISH` when one is not acknowledged: it may or may not be in the log.
 */
export async function produce(
  settings: Settings,
  topic: string,
  records: readonly NewRecord[],
  signal: AbortSignal | undefined,
): Promise<Position[]> {
  const { runtime, emit, publishTimeoutMs } = settings
  try {
    const task = (inner: AbortSignal) => attempt(settings, topic, records, inner)
    return await withDeadline(runtime, publishTimeoutMs, silent, task, signal)
  } catch (cause) {
    if (signal?.aborted) {
      const { reason } = signal
      if (isUnanswered(reason)) emit?.({ type: 'publish_failed', topic, error: reason })
      throw reason
    }
    const known = isKedgeError(cause) ? cause : undefined
    emit?.({ type: 'publish_failed', topic, error: cause })
    throw new KedgeError(
      'ERR_PUBLISH',
      'Kafka did not acknowledge the write: it may or may not be in the log',
      {
        cause,
        retryable: known?.retryable ?? true,
        ...(known?.retryAfterMs === undefined ? {} : { retryAfterMs: known.retryAfterMs }),
      },
    )
  }
}

async function attempt(
  { log, runtime, writesTopic }: Settings,
  topic: string,
  records: readonly NewRecord[],
  signal: AbortSignal,
): Promise<Position[]> {
  for (let tries = 0; ; tries++) {
    try {
      return acknowledged(records, await log.produce(topic, records, { signal }))
    } catch (error) {
      if (signal.aborted || tries >= RETRIES || !isKedgeError(error) || !error.retryable) throw error
      if (topic === writesTopic && error.code !== 'ERR_RATE_LIMITED') throw error
      const backoffMs = FIRST_RETRY_MS * 2 ** tries * (0.5 + runtime.random() / 2)
      await runtime.sleep(Math.max(backoffMs, Math.min(error.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS)), signal)
    }
  }
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
