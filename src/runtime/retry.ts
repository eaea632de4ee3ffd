/**
 * Retries: how long the pause after a failure is, and the loops that take it.
 *
 * @module
 */
import { isKedgeError } from '../ports/errors.ts'
import type { Runtime } from '../ports/runtime.ts'

/** The pauses between tries, in milliseconds. */
export interface Backoff {
  /** The pause after the first failure; each further failure doubles it. */
  readonly firstMs: number
  readonly maxMs: number
  /** The longest pause that a failure may ask for by its `retryAfterMs`. @default 0: it is not asked */
  readonly maxAskedMs?: number
}

/** The pause after a failure, in milliseconds. Throws where another try is of no use. */
export type PauseAfter = (error: unknown, failures: number) => number

/** A double of 2^30 is beyond every `maxMs`, and far from what a number cannot hold. */
const MAX_DOUBLINGS = 30

/**
 * The pause in milliseconds, exponential and bounded.
 *
 * @param failures how many there were before this one
 * @param random in `[0, 1)`: the pause is then between half and all of it, so that those who lost the same server do
 * not return at the same moment. Without it the pause is whole.
 */
export const backoffMs = ({ firstMs, maxMs }: Backoff, failures: number, random = 1): number =>
  Math.min(maxMs, firstMs * 2 ** Math.min(failures, MAX_DOUBLINGS)) * (0.5 + random / 2)

/** The same, and at least what the failed call asked for. */
export const pauseMs = (backoff: Backoff, failures: number, error: unknown, random?: number): number =>
  Math.max(
    Math.min((isKedgeError(error) && error.retryAfterMs) || 0, backoff.maxAskedMs ?? 0),
    backoffMs(backoff, failures, random),
  )

/**
 * Calls until a call succeeds. Rejects with `signal.reason`, or with what `pauseAfter` throws.
 */
export async function retry<T>(
  runtime: Pick<Runtime, 'sleep'>,
  call: () => Promise<T>,
  pauseAfter: PauseAfter,
  signal?: AbortSignal,
): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await call()
    } catch (error) {
      signal?.throwIfAborted()
      await runtime.sleep(pauseAfter(error, failures), signal)
    }
  }
}

/**
 * Calls again and again until the signal is aborted, then resolves; a call that fails is retried. Rejects with what
 * `pauseAfter` throws.
 */
export async function repeat(
  runtime: Pick<Runtime, 'sleep'>,
  call: () => Promise<unknown>,
  pauseAfter: PauseAfter,
  signal: AbortSignal,
): Promise<void> {
  try {
    while (!signal.aborted) await retry(runtime, call, pauseAfter, signal)
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
