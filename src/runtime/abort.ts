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

/** What the task resolves with, or the reason of the signal as soon as that is aborted, even if the task ignores it. */
export async function untilAborted<T>(signal: AbortSignal, task: () => Promise<T>): Promise<T> {
  signal.throwIfAborted()
  let off: (() => void) | undefined
  try {
    return await new Promise<T>((resolve, reject) => {
      off = onAbort(signal, reject)
      task().then(resolve, reject)
    })
  } finally {
    off?.()
  }
}

/** A signal of its own, which others end as well. */
export interface EitherSignal {
  /** Aborted with the first reason. Made when it is first read: a signal costs more than most that ends by it. */
  readonly signal: AbortSignal
  readonly abort: (reason?: unknown) => void
  /** Calls the one listener with the first reason, before any of the signal: at once, where there is one already. */
  readonly onEnd: (listener: (reason: unknown) => void) => void
  /** Stops listening to the others. To be called when the work has ended. */
  readonly done: () => void
}

/** A signal that any of the others aborts, or `abort` does. It belongs to the request that makes it. */
export function eitherSignal(...others: readonly (AbortSignal | undefined)[]): EitherSignal {
  let own: AbortController | undefined
  let end: { readonly reason: unknown } | undefined
  let listener: ((reason: unknown) => void) | undefined
  const abort = (reason?: unknown): void => {
    if (end) return
    end = { reason }
    listener?.(reason)
    own?.abort(reason)
  }
  const offs = others.map((other) => onAbort(other, abort))
  return {
    get signal() {
      if (own === undefined) {
        own = new AbortController()
        if (end) own.abort(end.reason)
      }
      return own.signal
    },
    abort,
    onEnd: (heard) => {
      listener = heard
      if (end) heard(end.reason)
    },
    done: () => offs.forEach((off) => off()),
  }
}
