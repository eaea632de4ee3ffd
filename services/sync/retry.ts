/** Retries with growing pauses until the signal is aborted, and emits events while it waits. @module */
import { withDeadline } from '../../src/runtime/deadline.ts'
import { pauseMs, retry } from '../../src/runtime/retry.ts'
import { isKedgeError, KedgeError } from '../../src/ports/errors.ts'
import type { Counters } from './counters.ts'
import type { SyncSettings } from './settings.ts'

const BACKOFF = { firstMs: 100, maxMs: 30_000, maxAskedMs: 60_000 }
/** How often a wait is reported. */
const SAY_MS = 10_000
/** How long one call may take. Stores and logs have deadlines of their own: this is the last resort. */
const CALL_MS = 30_000

/** Which part fails: the hook is `onWritten`. */
type Whose = 'store' | 'log' | 'hook'

export class Retry {
  readonly #settings: SyncSettings
  readonly #counters: Counters
  readonly #of: Whose
  /** When the failures began, by the monotonic clock. */
  #downSince: number | undefined
  #failure: Error | undefined
  #saidAt = 0
  /** How long failures may last before `until` gives up; `undefined`: for ever. */
  giveUpMs: number | undefined

  constructor(of: Whose, settings: SyncSettings, counters: Counters) {
    this.#of = of
    this.#settings = settings
    this.#counters = counters
  }

  /** Whether the last call failed. */
  get down(): boolean {
    return this.#downSince !== undefined
  }

  /** Why the last call failed, if it did. */
  get failure(): Error | undefined {
    return this.down ? this.#failure : undefined
  }

  /**
   * Calls until a call succeeds. Rejects with `signal.reason`, with an error that is not retryable, or after
   * `giveUpMs`.
   *
   * @param extraMs how much longer than usual this call may take
   * @param isRetryable whether an error may be tried again
   */
  async until<T>(
    call: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
    {
      extraMs = 0,
      isRetryable = retryable,
    }: { extraMs?: number; isRetryable?: (error: unknown) => boolean } = {},
  ): Promise<T> {
    const saying = new AbortController()
    const once = async () => {
      // A call without an answer also ends when it is time to give up.
      const left = this.failure === undefined ? Infinity : Math.max(1, this.#leftMs())
      const result = await this.once(call, signal, extraMs, left)
      this.#recovered()
      return result
    }
    const pauseAfter = (error: unknown, failures: number) => {
      if (!isRetryable(error)) throw error
      // The time to give up may be what has ended this call: the failure before it says more.
      const known = this.failure
      const failure = this.#failed(error)
      const leftMs = this.#leftMs()
      if (leftMs <= 0) throw gaveUp(this.#of, this.#downMs(), known ?? failure)
      if (failures === 0) void this.#say(saying.signal)
      const { runtime, emit } = this.#settings
      const retryInMs = Math.min(pauseMs(BACKOFF, failures, failure, runtime.random()), leftMs)
      emit({ type: `${this.#of}_failed`, error: failure, attempt: failures + 1, retryInMs })
      return retryInMs
    }
    try {
      return await retry(this.#settings.runtime, once, pauseAfter, signal)
    } finally {
      saying.abort()
    }
  }

  /** Calls once, within its time. Leaves `down` alone: a store that answers reads may refuse every write. */
  once<T>(
    call: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
    extraMs = 0,
    mostMs: number = Infinity,
  ): Promise<T> {
    const ms = Math.min(CALL_MS + extraMs, mostMs)
    return withDeadline(this.#settings.runtime, ms, () => silent(this.#of), call, signal)
  }

  #leftMs(): number {
    return this.giveUpMs === undefined ? Infinity : this.giveUpMs - this.#downMs()
  }

  #failed(error: unknown): Error {
    const { runtime } = this.#settings
    if (this.#downSince === undefined) {
      this.#downSince = runtime.monotonic()
      this.#saidAt = this.#downSince
    }
    this.#failure = error instanceof Error ? error : new Error(String(error))
    this.#counters[`${this.#of}Failures`]++
    return this.#failure
  }

  /** Reports at intervals that calls are waiting. Several calls that fail at once share one report. */
  async #say(signal: AbortSignal): Promise<void> {
    const { runtime, emit } = this.#settings
    try {
      for (;;) {
        await runtime.sleep(SAY_MS, signal)
        if (this.#failure === undefined || runtime.monotonic() - this.#saidAt < SAY_MS) continue
        this.#saidAt = runtime.monotonic()
        emit({ type: `${this.#of}_waits`, error: this.#failure, downMs: this.#downMs() })
      }
    } catch {
      // The wait has ended.
    }
  }

  #downMs(): number {
    return this.#downSince === undefined ? 0 : this.#settings.runtime.monotonic() - this.#downSince
  }

  #recovered(): void {
    if (this.#downSince === undefined) return
    const downMs = this.#downMs()
    this.#downSince = undefined
    this.#settings.emit({ type: `${this.#of}_recovered`, downMs })
  }
}

export const retryable = (error: unknown): boolean => isKedgeError(error) && error.retryable

const silent = (of: Whose) =>
  new KedgeError('ERR_TIMEOUT', `the ${of} did not answer in time`, { retryable: true })

const gaveUp = (of: Whose, ms: number, cause: Error) =>
  new KedgeError('ERR_TIMEOUT', `the ${of} has failed for ${Math.round(ms / 1000)} s: ${cause.message}`, {
    cause,
    retryable: true,
  })
