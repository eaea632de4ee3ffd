/**
 * Keeps a fast lookup store equal to a topic.
 *
 * @module
 */
import { durationMs } from '../../src/runtime/duration.ts'
import { KedgeError } from '../../src/ports/errors.ts'
import type { LogRecord } from '../../src/ports/kafka-log.ts'
import type { Duration } from '../../src/runtime/duration.ts'
import { applied } from './external-consumer.ts'
import type { Applied } from './external-consumer.ts'
import { newCounters } from './counters.ts'
import type { SyncStats } from './counters.ts'
import { Checkpoint } from './checkpoint.ts'
import { SinkTask } from './sink-task.ts'
import { LagTracker } from './lag.ts'
import type { SyncLag } from './lag.ts'
import { syncSettings } from './settings.ts'
import type { SyncOptions } from './options.ts'
import { Retry } from './retry.ts'
import { withStop } from '../../src/runtime/graceful-stop.ts'
import { Writer } from './writer.ts'

export interface RunOptions {
  /** Ends the run: the sync writes the current batch, and `run` resolves. */
  readonly signal?: AbortSignal
}

export interface StepOptions extends RunOptions {
  /** After this time the sync begins no batch. @default none: it ends at the end of the topic */
  readonly budget?: Duration
}

export interface ToEndOptions extends StepOptions {
  /**
   * How long the store, the log or `onWritten` may fail without a success before the call rejects.
   * @default for ever
   */
  readonly giveUpAfter?: Duration
}

export interface StepResult {
  /** Whether the step reached the end that the topic had when the step began. */
  readonly reached: boolean
  /** Records that the step handled. */
  readonly records: number
  readonly lag: SyncLag
}

/** Why the store may be behind the topic. */
export type NotReady = 'not begun' | 'rehydrating' | 'lag' | 'store' | 'log' | 'hook'

export interface Sync {
  /** The name of the stream in the store. */
  readonly stream: string
  /**
   * Follows the topic until the signal is aborted. Retries temporary failures for ever; rejects with an error
   * that a retry cannot cure: an absent topic, refused credentials.
   */
  run(options?: RunOptions): Promise<void>
  /**
   * Follows the topic to the end that it has now: for a cron. Rejects where the log or the store gave no
   * answer within the budget, or has failed for `giveUpAfter`.
   */
  step(options?: ToEndOptions): Promise<StepResult>
  /**
   * Writes records that the caller got elsewhere, from a Lambda event source for instance, and returns which
   * failed. Rejects only by the signal.
   *
   * The stored position moves only with records that follow it without a gap, so that `step` and `run` beside it lose
   * nothing.
   */
  apply(records: readonly LogRecord[], options?: StepOptions): Promise<Applied>
  /** The lag at the last sample; while `run` runs, that is a few seconds old at most. */
  lag(): SyncLag
  /** How much producers should slow down: from 0, at half of `maxLag` and below, to 1, at `maxLag` and above. */
  pressure(): number
  /** Why the store may be behind the topic; empty when it is ready. */
  notReady(): NotReady[]
  stats(): SyncStats
}

const APPLY_BUDGET_MS = 20_000

/**
 * Keeps a store equal to a topic.
 *
 * From the beginning of the topic on an empty store, from the stored position after that. Replays, duplicates and
 * several syncs at once are harmless: the store compares versions, and no key moves backwards.
 *
 * @throws TypeError for wrong options.
 * @example
 * ```ts
 * import { createSync } from 'kedge/sync'
 * import { memory, memorySink } from 'kedge/testing'
 *
 * const sync = createSync({
 *   kafka: memory(),
 *   topic: 'orders',
 *   sink: memorySink(),
 *   key: 'order:{key}:latest',
 *   value: ['id', 'status', 'customer.name'],
 *   ttl: '30d',
 *   deadLetters: 'orders.dead',
 * })
 * const { reached, lag } = await sync.step({ budget: '20s' })
 * console.log(reached, lag.records)
 * ```
 */
export function createSync(options: SyncOptions): Sync {
  const settings = syncSettings(options)
  const { runtime, drainMs, maxLagMs, maxLagRecords } = settings
  const counters = newCounters()
  const store = new Retry('store', settings, counters)
  const log = new Retry('log', settings, counters)
  const hook = new Retry('hook', settings, counters)
  const gauge = new LagTracker(settings)
  const course = new Checkpoint(settings, counters, store, log)
  const writer = new Writer({ settings, counters, course, store, hook, gauge })
  const drive = new SinkTask({ settings, course, writer, gauge, log })
  let busy = false

  const alone = async <T>(work: () => Promise<T>): Promise<T> => {
    if (busy) throw new KedgeError('ERR_UNSUPPORTED', 'this sync is at work already: make another one')
    busy = true
    try {
      return await work()
    } finally {
      busy = false
    }
  }

  return {
    stream: settings.stream,
    run: ({ signal } = {}) =>
      alone(async () => {
        await withStop(runtime, { signal, graceMs: drainMs }, (stop) => drive.follow(stop))
      }),
    step: ({ signal, budget, giveUpAfter } = {}) =>
      alone(async () => {
        const before = counters.records
        const budgetMs = budget === undefined ? undefined : durationMs(budget, 'budget')
        const giveUpMs = giveUpAfter === undefined ? undefined : durationMs(giveUpAfter, 'giveUpAfter')
        for (const each of [store, log, hook]) each.giveUpMs = giveUpMs
        const reached = await withStop(runtime, { signal, budgetMs, graceMs: drainMs }, (stop) =>
          drive.toEnd(stop),
        ).finally(() => {
          for (const each of [store, log, hook]) each.giveUpMs = undefined
        })
        signal?.throwIfAborted()
        // The budget ended before the first answer: the caller gets the last failure as the reason.
        const failure = store.failure ?? log.failure ?? hook.failure
        if (reached === undefined && failure !== undefined) throw failure
        return { reached: reached ?? false, records: counters.records - before, lag: gauge.lag() }
      }),
    apply: (records, { signal, budget = APPLY_BUDGET_MS } = {}) =>
      alone(() =>
        applied(
          { settings, course, writer, counters },
          records.filter(({ offset }) => Number.isSafeInteger(offset) && offset >= 0),
          { signal, budgetMs: durationMs(budget, 'budget') },
        ),
      ),
    lag: () => gauge.lag(),
    pressure: () => gauge.pressure(),
    notReady: () => {
      const { records, ms, rehydrating } = gauge.lag()
      const why: [NotReady, boolean][] = [
        ['not begun', course.epoch === ''],
        ['rehydrating', rehydrating],
        ['lag', ms > maxLagMs || records > maxLagRecords],
        ['store', store.down],
        ['log', log.down],
        ['hook', hook.down],
      ]
      return why.filter(([, holds]) => holds).map(([name]) => name)
    },
    stats: () => ({ ...counters }),
  }
}
