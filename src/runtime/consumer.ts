/**
 * Reads a topic by explicit positions: {@link readBatch} once, {@link consume} until there is nothing left to read.
 *
 * Positions belong to the caller, who may move them as it likes between two reads: only what the caller says moved
 * counts as progress. An empty answer is not the end of a log. Proxies return one while their consumer warms up, for
 * a record that is larger than the answer may be, and behind an open transaction.
 *
 * @module
 */
import { KedgeError } from '../ports/errors.ts'
import type { KafkaLog, LogRecord, Position, ReadOptions } from '../ports/kafka-log.ts'
import type { Runtime } from '../ports/runtime.ts'
import { withDeadline } from './deadline.ts'

const MAX_DOUBLINGS = 4

/** A topic, and how to read it. */
export interface TopicSource {
  readonly log: KafkaLog
  readonly topic: string
  readonly isolation: ReadOptions['isolation']
  /** Gives up a read `ms` after its wait. Where it is absent, only the caller's signal ends a read that hangs. */
  readonly deadline?: { readonly runtime: Runtime; readonly ms: number }
}

/** What one read asks for. */
export type Fetch = Pick<ReadOptions, 'maxBytes' | 'waitMs'>

/** The answer to one read. */
export interface Batch {
  /** Of the partitions asked for alone, none below the position asked for. Ascending in each partition. */
  readonly records: readonly LogRecord[]
  /** The next position of each partition that moved. */
  readonly next: ReadonlyMap<number, number>
  /** Partitions whose position is no longer in the log, or not yet. None of them moved: the caller decides. */
  readonly outOfRange: readonly number[]
}

/**
 * Reads once.
 *
 * @throws KedgeError as the log does, and `ERR_TIMEOUT` after the deadline of the source; or `signal.reason`
 */
export async function readBatch(
  { log, topic, isolation, deadline }: TopicSource,
  from: readonly Position[],
  fetch: Fetch,
  signal: AbortSignal,
): Promise<Batch> {
  const read = (inner: AbortSignal) => log.read(topic, from, { ...fetch, isolation, signal: inner })
  const late = () =>
    new KedgeError('ERR_TIMEOUT', `a read of ${topic} was not answered in time`, { retryable: true })
  const { records, next, outOfRange } = deadline
    ? await withDeadline(deadline.runtime, fetch.waitMs + deadline.ms, late, read, signal)
    : await read(signal)
  const asked = new Map<number, number>()
  // A log may answer a position that it does not have with one that it has: taken over, that would skip records.
  for (const { partition, offset } of from) if (!outOfRange.includes(partition)) asked.set(partition, offset)
  const moved = new Map<number, number>()
  for (const { partition, offset } of next)
    if (offset > (asked.get(partition) ?? Infinity)) moved.set(partition, offset)
  return {
    records: records.filter(({ partition, offset }) => offset >= (asked.get(partition) ?? Infinity)),
    next: moved,
    outOfRange,
  }
}

/**
 * Reads until `from` names no position any more, or `attempt` gives up: afterwards the caller looks which it was.
 *
 * @param from the positions to read on from, asked before each read: the caller has handled the batch before by then
 * @param attempt what to ask for after so many answers that moved no position of `from`; `undefined` gives up
 */
export async function* consume(
  source: TopicSource,
  from: () => readonly Position[],
  attempt: (vain: number) => Fetch | undefined,
  signal: AbortSignal,
): AsyncGenerator<Batch, void, void> {
  let asked = from()
  for (let vain = 0; asked.length > 0;) {
    const fetch = attempt(vain)
    if (fetch === undefined) return
    yield await readBatch(source, asked, fetch, signal)
    const now = from()
    if (!hasMoved(asked, now)) vain++
    asked = now
  }
}

/** Asks for twice as much after each answer in vain, up to 16 times as much: then a record which did not fit does. */
export const doubling =
  (maxBytes: number, waitMs: number) =>
  (vain: number): Fetch | undefined =>
    vain > MAX_DOUBLINGS ? undefined : { maxBytes: maxBytes * 2 ** vain, waitMs }

/** The position of a partition that is not read any more counts as moved. */
const hasMoved = (asked: readonly Position[], now: readonly Position[]): boolean =>
  asked.some((was) => !now.some((is) => is.partition === was.partition && is.offset <= was.offset))
