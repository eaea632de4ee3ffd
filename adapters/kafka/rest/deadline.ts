/** Ends a call at its deadline, or when its caller aborts, whichever comes first. @module */
import { KedgeError } from '../../../src/ports/errors.ts'

/**
 * Runs `work` until it settles, `ms` have passed, or the caller aborts. The signal that `work` is given ends in
 * both cases; the call settles even when `work` ignores it. The timer never outlives the call.
 *
 * @throws what `work` throws; `signal.reason` itself when the caller aborts; KedgeError `ERR_TIMEOUT`.
 */
export async function withDeadline<T>(
  ms: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted()
  const controller = new AbortController()
  const late = () =>
    controller.abort(new KedgeError('ERR_TIMEOUT', `no answer within ${ms} ms`, { retryable: true }))
  const onAbort = () => controller.abort(signal?.reason)
  const timer = setTimeout(late, ms)
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work(controller.signal), rejected(controller.signal)])
  } catch (error) {
    // Transports wrap or replace the reason of an abort; the caller gets the one it gave.
    if (controller.signal.aborted) throw controller.signal.reason
    throw error
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}

function rejected(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
