/**
 * Abort signals without a listener that stays, where a signal outlives the work that listens to it.
 *
 * `AbortSignal.any` is not in Node 20.0 to 20.2.
 *
 * @module
 */

/**
 * Calls `listener` with the reason once the signal is aborted: at once, where it is already.
 *
 * @returns what stops listening
 */
export function onAbort(signal: AbortSignal | undefined, listener: (reason: unknown) => void): () => void {
  const aborted = () => listener(signal!.reason)
  if (signal?.aborted) aborted()
  else signal?.addEventListener('abort', aborted, { once: true })
  return () => signal?.removeEventListener('abort', aborted)
}

/** A signal of its own, which others end as well. */
export interface EitherSignal {
  /** Aborted with the first reason. */
  readonly signal: AbortSignal
  readonly abort: (reason?: unknown) => void
  /** Stops listening to the others. To be called when the work has ended. */
  readonly done: () => void
}

/** A signal that any of the others aborts, or `abort` does. It belongs to the request that makes it. */
export function eitherSignal(...others: readonly (AbortSignal | undefined)[]): EitherSignal {
  const own = new AbortController()
  const abort = (reason?: unknown) => own.abort(reason)
  const offs = others.map((other) => onAbort(other, abort))
  return { signal: own.signal, abort, done: () => offs.forEach((off) => off()) }
}
