/**
 * The handler of a function that Kafka triggers: each topic has a taker, and the handler reports failures in
 * the form that Lambda expects.
 *
 * @module
 */
import { KedgeError } from '../../src/ports/errors.ts'
import type { PartialBatchResponse } from '../../services/sync/lambda.ts'
import { invocationSettings, invoked } from './invocation.ts'
import type { Invocation, InvocationOptions } from './invocation.ts'
import { readKafkaEvent } from './kafka-event.ts'
import type { KafkaEventRecord, PoisonRecord } from './kafka-event.ts'
import { harmless } from '../../src/runtime/listener.ts'

/** The first record of a partition that was not dealt with: it and those after it must be given again. */
export interface FailedAt {
  readonly partition: number
  readonly offset: number
  readonly error?: unknown
}

/** What a taker knows of its invocation. */
export interface TopicInvocation {
  readonly topic: string
  /** Aborted `reserve` before Lambda would end the function. The taker has 100 ms more to report failures. */
  readonly signal: AbortSignal
  /** Milliseconds until then. */
  readonly remainingMs: () => number
  /** Awaited before the function answers. */
  readonly waitUntil: (promise: Promise<unknown>) => void
}

/**
 * Takes the records of a topic. Resolves with where it failed, if it did; to throw is to have failed at the first record
 * of each partition.
 */
export type TopicTaker = (
  records: readonly KafkaEventRecord[],
  invocation: TopicInvocation,
) => Promise<readonly FailedAt[] | void>

export type KafkaHandlerEvent =
  /** A record that cannot be read. It is left behind. */
  | ({ readonly type: 'poison' } & PoisonRecord)
  /** Records that will be given again. */
  | ({ readonly type: 'failed'; readonly topic: string } & FailedAt)
  /** Deferred work that failed, or was not done in time. */
  | { readonly type: 'background_error'; readonly error: unknown }

export interface KafkaHandlerOptions extends Pick<InvocationOptions, 'reserve' | 'runtime'> {
  /**
   * How failures are reported. `'throw'`: the function fails, and Lambda gives the whole batch again, which
   * kedge's own takers allow for. `'report'`: it answers with `batchItemFailures`, and
   * each partition goes on where it failed. **Only where `FunctionResponseTypes` of the event source mapping
   * has `ReportBatchItemFailures`** (provisioned mode has it): without it Lambda does not read the answer,
   * and what failed is lost.
   * @default 'throw'
   */
  readonly failures?: 'throw' | 'report'
  readonly onEvent?: (event: KafkaHandlerEvent) => void
}

/** Counters since the process began. */
export interface KafkaHandlerStats {
  readonly records: number
  readonly poison: number
  /** Partitions of a batch that will be given again. */
  readonly failed: number
}

export interface KafkaHandler {
  (event: unknown, context?: unknown): Promise<PartialBatchResponse>
  stats(): KafkaHandlerStats
}

/**
 * The handler for events of Kafka, from Amazon MSK or a cluster of one's own.
 *
 * The handler counts and reports a record that it cannot read, and never asks for it again: it would come for
 * ever. Records of a topic without a taker fail: the handler would otherwise lose them in silence.
 *
 * @param takers by topic: {@link applyUpdates}, {@link applyEvictions}, {@link serveRequests}, {@link persistWrites}, or a
 * function of one's own
 * @throws TypeError for wrong options. The function rejects with a `KedgeError` (`ERR_PROTOCOL`) for what is no event of
 * Kafka's, and as `failures` says.
 * @example
 * ```ts
 * import { gateway } from 'kedge/adapters/gateway'
 * import { redisSink, type RedisConnection } from 'kedge/adapters/redis'
 * import { applyUpdates, kafkaHandler } from 'kedge/lambda'
 * import { createSync } from 'kedge/sync'
 *
 * declare const connection: RedisConnection
 * const sync = createSync({
 *   kafka: gateway({ url: 'http://localhost:8082' }),
 *   topic: 'cache-updates',
 *   sink: redisSink(connection),
 *   key: '{ns}:{key}',
 * })
 * export const handler = kafkaHandler({ 'cache-updates': applyUpdates(sync) })
 * ```
 */
export function kafkaHandler(
  takers: Readonly<Record<string, TopicTaker>>,
  options: KafkaHandlerOptions = {},
): KafkaHandler {
  const emit = emitter(options)
  const { failures = 'throw', onEvent: _, ...rest } = options
  const onError = (error: unknown) => emit({ type: 'background_error', error })
  const settings = invocationSettings({ ...rest, onError }, [])
  const own = checkTakers(takers)
  const counters = { records: 0, poison: 0, failed: 0 }

  const handler = async (event: unknown, context?: unknown): Promise<PartialBatchResponse> => {
    const { records, poison } = readKafkaEvent(event)
    for (const each of poison) emit({ type: 'poison', ...each })
    counters.poison += poison.length
    const failed = await invoked(context, settings, async (invocation) => {
      const taken = [...records].map(([topic, batch]) => {
        counters.records += batch.length
        return take(own.get(topic), topic, batch, invocation)
      })
      return (await Promise.all(taken)).flat()
    })
    for (const each of failed) emit({ type: 'failed', ...each })
    counters.failed += failed.length
    if (failures === 'throw' && failed.length > 0) throw errorOf(failed[0]!)
    return {
      batchItemFailures: failed.map(({ topic, partition, offset }) => ({
        itemIdentifier: { partition: `${topic}-${partition}`, offset },
      })),
    }
  }
  return Object.assign(handler, { stats: () => ({ ...counters }) })
}

type Failed = FailedAt & { readonly topic: string }

const errorOf = ({ error, topic, partition, offset }: Failed): Error =>
  error instanceof Error
    ? error
    : new KedgeError('ERR_PROTOCOL', `failed at offset ${offset} of ${topic}-${partition}`, { cause: error })

/** How long a taker that is out of time may take to report what failed. A part of `reserve`. */
const ABORT_GRACE_MS = 100

/** Never rejects: an error counts as a failure of the records. */
async function take(
  taker: TopicTaker | undefined,
  topic: string,
  records: readonly KafkaEventRecord[],
  invocation: Invocation,
): Promise<Failed[]> {
  const first = firstOf(records)
  const all = (error: unknown) =>
    [...first].map(([partition, offset]) => ({ topic, partition, offset, error }))
  if (taker === undefined) return all(new TypeError(`\`takers\` has no function for the topic ${topic}`))
  try {
    const failed = await invocation.within(
      async (signal) =>
        taker(records, {
          topic,
          signal,
          remainingMs: () => invocation.remainingMs(),
          waitUntil: (promise) => invocation.waitUntil(promise),
        }),
      ABORT_GRACE_MS,
    )
    const lowest = new Map<number, Failed>()
    for (const each of failed ?? []) {
      // An identifier that is not in the event has Lambda give the whole batch again.
      if (!first.has(each.partition)) return all(each.error)
      const known = lowest.get(each.partition)
      if (known === undefined || each.offset < known.offset) lowest.set(each.partition, { ...each, topic })
    }
    return [...lowest.values()]
  } catch (error) {
    return all(error)
  }
}

/** The lowest offset of each partition. */
function firstOf(records: readonly KafkaEventRecord[]): Map<number, number> {
  const first = new Map<number, number>()
  for (const { partition, offset } of records)
    first.set(partition, Math.min(offset, first.get(partition) ?? Infinity))
  return first
}

function checkTakers(takers: Readonly<Record<string, TopicTaker>>): ReadonlyMap<string, TopicTaker> {
  const own = new Map(Object.entries(takers))
  if (own.size === 0) throw new TypeError('`takers` must name at least one topic')
  for (const [topic, taker] of own)
    if (typeof taker !== 'function') throw new TypeError(`\`takers.${topic}\` must be a function`)
  return own
}

function emitter({ failures = 'throw', onEvent }: KafkaHandlerOptions): (event: KafkaHandlerEvent) => void {
  if (failures !== 'throw' && failures !== 'report')
    throw new TypeError("`failures` must be 'throw' or 'report'")
  if (onEvent !== undefined && typeof onEvent !== 'function')
    throw new TypeError('`onEvent` must be a function')
  return harmless(onEvent)
}
