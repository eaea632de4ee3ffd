/** The deadline of a call to a proxy or a store, by the timers of the platform. @module */
import { KedgeError } from '../src/ports/errors.ts'
import { sleep } from '../src/ports/runtime.ts'
import { withDeadline } from '../src/runtime/deadline.ts'

const TIMERS = { sleep }

/**
 * Runs `call` until it settles, `ms` have passed, or the caller aborts. The signal that `call` is given ends in
 * both cases; the promise settles even when `call` ignores it. The timer never outlives the call.
 *
 * @throws what `call` throws; `signal.reason` itself when the caller aborts; KedgeError `ERR_TIMEOUT`.
 */
export const answeredWithin = <T>(
  ms: number,
  signal: AbortSignal | undefined,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> =>
  withDeadline(
    TIMERS,
    ms,
    () => new KedgeError('ERR_TIMEOUT', `no answer within ${ms} ms`, { retryable: true }),
    call,
    signal,
  )
