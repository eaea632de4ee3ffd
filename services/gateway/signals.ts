/** Two signals as one, without a listener that stays (`AbortSignal.any` is not in Node 20.0 to 20.2). @module */

export interface Either {
  /** Aborted with the reason of the first that is. */
  readonly signal: AbortSignal
  /** To be called when nothing waits for it any more. */
  readonly done: () => void
}

export function either(one: AbortSignal, other: AbortSignal): Either {
  const controller = new AbortController()
  const forward = [one, other].map((signal) => {
    const abort = () => controller.abort(signal.reason)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
    return { signal, abort }
  })
  return {
    signal: controller.signal,
    done: () => forward.forEach(({ signal, abort }) => signal.removeEventListener('abort', abort)),
  }
}
