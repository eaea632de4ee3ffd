/**
 * Abort signals without a listener that stays, where a signal outlives the work that listens to it.
 *
 * `AbortSignal.any` is not in Node 20.0 to 20.2.
 *
 * @module
 */
import { Stop } from './stop.ts'

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

/** What the task resolves with, or the reason of the signal as soon as that is aborted, even if the task ignores it. */
export const untilAborted = <T>(signal: AbortSignal, task: () => Promise<T>): Promise<T> =>
  orAborted(signal, (resolve, reject) => {
    task().then(resolve, reject)
    return undefined
  })

/**
 * What `begin` resolves or rejects with, or the reason of the signal.
 *
 * @param begin returns what ends its wait, whatever the outcome
 */
export async function orAborted<T>(
  signal: AbortSignal | undefined,
  begin: (resolve: (value: T) => void, reject: (reason: unknown) => void) => (() => void) | undefined,
): Promise<T> {
  signal?.throwIfAborted()
  let off: (() => void) | undefined
  let end: (() => void) | undefined
  try {
    return await new Promise<T>((resolve, reject) => {
      off = onAbort(signal, reject)
      end = begin(resolve, reject)
    })
  } finally {
    off?.()
    end?.()
  }
}

/** A signal of its own, which others end as well: aborted with the first reason. */
export interface EitherSignal extends Stop {
  /** Stops listening to the others. To be called when the work has ended. */
  readonly done: () => void
}

/** A signal that any of the others aborts, or `abort` does. It belongs to the request that makes it. */
export function eitherSignal(...others: readonly (AbortSignal | undefined)[]): EitherSignal {
  const stop = new Stop()
  const offs = others.map((other) => onAbort(other, (reason) => stop.abort(reason)))
  return Object.assign(stop, { done: () => offs.forEach((off) => off()) })
}
