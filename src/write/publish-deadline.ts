/**
 * The deadline of a write: one for the whole call, whatever it publishes and how often that is repeated.
 *
 * @module
 */
import { KedgeError, isKedgeError } from '../ports/errors.ts'
import { startTimer } from '../ports/runtime.ts'
import { checkWriteOptions } from '../api/option-schemas.ts'
import type { Settings } from '../api/settings.ts'
import type { WriteOptions } from '../api/write-types.ts'
import { eitherSignal } from '../runtime/abort.ts'
import type { Clock } from '../runtime/clock.ts'

/** Options of a write, with a signal that also ends with the deadline. */
export type Bounded<O> = O & { readonly signal: AbortSignal }

export class PublishDeadline {
  readonly #settings: Settings
  readonly #clock: Clock
  /** For each signal that was made here, the caller's own. */
  readonly #callers = new WeakMap<AbortSignal, { readonly signal: AbortSignal | undefined }>()

  constructor(settings: Settings, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
  }

  /** Runs a call of which these are the options. @throws TypeError quoting the option that is wrong */
  async call<O extends WriteOptions, R>(
    call: 'set' | 'delete' | 'evict',
    options: O | undefined,
    work: (options: Bounded<O>) => Promise<R>,
  ): Promise<R> {
    checkWriteOptions(options, call)
    return this.within(options?.signal, (signal) => work({ ...(options as O), signal }))
  }

  /**
   * Runs the work with a signal that is aborted by the caller's, or when the time is over. The work must end when
   * the signal aborts. It then drops, before its caller's promise rejects, what it may have written.
   *
   * @param since when the call began
   */
  async within<R>(
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<R>,
    since: number = this.#clock.now(),
  ): Promise<R> {
    if (signal && this.#callers.has(signal)) return work(signal)
    const { runtime, publishTimeoutMs } = this.#settings
    const stop = eitherSignal(signal)
    this.#callers.set(stop.signal, { signal })
    const leftMs = Math.max(0, since + publishTimeoutMs - this.#clock.now())
    const stopTimer = startTimer(runtime, leftMs, () => stop.abort(unanswered(publishTimeoutMs)))
    try {
      return await work(stop.signal)
    } finally {
      stop.done()
      stopTimer()
    }
  }

  /** Throws where the caller has ended the call, and not where its time is over. */
  throwIfLeft(signal: AbortSignal | undefined): void {
    const caller = (signal && this.#callers.get(signal)) ?? { signal }
    caller.signal?.throwIfAborted()
  }
}

const unanswered = (ms: number) =>
  new KedgeError(
    'ERR_PUBLISH',
    `Kafka did not acknowledge the write within ${ms} ms: it may or may not be in the log`,
    {
      retryable: true,
      cause: new KedgeError('ERR_TIMEOUT', `no answer within ${ms} ms`, { retryable: true }),
    },
  )

/** Whether the reason is that the deadline of a write has passed. */
export const isUnanswered = (reason: unknown): boolean =>
  isKedgeError(reason) &&
  reason.code === 'ERR_PUBLISH' &&
  isKedgeError(reason.cause) &&
  reason.cause.code === 'ERR_TIMEOUT'
