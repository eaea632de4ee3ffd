/** Trying again: with longer and longer pauses, for as long as the signal allows, and saying so. @module */
import { withDeadline } from '../src/deadline.ts'
import { isKedgeError, KedgeError } from '../src/errors.ts'
import type { Counters } from './counters.ts'
import type { SyncSettings } from './options.ts'

const FIRST_PAUSE_MS = 100
const MAX_PAUSE_MS = 30_000
const MAX_RETRY_AFTER_MS = 60_000
/** How long one call may take. Stores and logs have deadlines of their own: this is the last resort. */
const CALL_MS = 30_000

/** Whose failures are waited out: the hook is `onWritten`. */
type Whose = 'store' | 'log' | 'hook'

export class Patience {
  readonly #settings: SyncSettings
  readonly #counters: Counters
  readonly #of: Whose
  /** Since when it fails, by the monotonic clock. */
  #downSince: number | undefined
  #failure: Error | undefined

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
   * Calls until it succeeds. Rejects with `signal.reason`, or with what says that trying again makes no sense.
   *
   * @param extraMs what a call may take longer than any other
   * @param isRetryable for errors that do not say so themselves
   */
  async until<T>(
    call: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
    {
      extraMs = 0,
      isRetryable = retryable,
    }: { extraMs?: number; isRetryable?: (error: unknown) => boolean } = {},
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        const result = await this.once(call, signal, extraMs)
        this.#recovered()
        return result
      } catch (error) {
        signal.throwIfAborted()
        if (!isRetryable(error)) throw error
        await this.#pause(error, attempt, signal)
      }
    }
  }

  /** Calls once, within its time. Says nothing of whether it is down: a store that is read may refuse every write. */
  once<T>(call: (signal: AbortSignal) => Promise<T>, signal: AbortSignal, extraMs = 0): Promise<T> {
    return withDeadline(this.#settings.runtime, CALL_MS + extraMs, () => silent(this.#of), call, signal)
  }

  async #pause(error: unknown, attempt: number, signal: AbortSignal): Promise<void> {
    const { runtime, emit } = this.#settings
    this.#downSince ??= runtime.monotonic()
    this.#failure = error instanceof Error ? error : new Error(String(error))
    this.#counters[`${this.#of}Failures`]++
    const most = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(attempt - 1, 20), MAX_PAUSE_MS)
    const asked = Math.min((isKedgeError(error) ? error.retryAfterMs : 0) ?? 0, MAX_RETRY_AFTER_MS)
    // Half of it by chance, so that syncs that lost the same store do not come back to it at once.
    const retryInMs = Math.max(asked, most * (0.5 + runtime.random() / 2))
    emit({ type: `${this.#of}_failed`, error, attempt, retryInMs })
    await runtime.sleep(retryInMs, signal)
  }

  #recovered(): void {
    if (this.#downSince === undefined) return
    const { runtime, emit } = this.#settings
    const downMs = runtime.monotonic() - this.#downSince
    this.#downSince = undefined
    emit({ type: `${this.#of}_recovered`, downMs })
  }
}

export const retryable = (error: unknown): boolean => isKedgeError(error) && error.retryable

const silent = (of: Whose) =>
  new KedgeError('ERR_TIMEOUT', `the ${of} did not answer in time`, { retryable: true })
