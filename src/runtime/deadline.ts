/**
 * Deadlines without ambient timers: a task that is given up when its time is over, even if it ignores its signal.
 *
 * @module
 */
import { startTimer } from '../ports/runtime.ts'
import type { Runtime } from '../ports/runtime.ts'
import { eitherSignal, orAborted } from './abort.ts'

/**
 * Runs the task and settles no later than after `ms`.
 *
 * @param expired makes the error for a task whose time is over; its signal is aborted with the same error
 * @param parent ends the task early: the call then rejects with `parent.reason`
 */
export async function withDeadline<T>(
  runtime: Pick<Runtime, 'sleep'>,
  ms: number,
  expired: () => unknown,
  task: (signal: AbortSignal) => Promise<T>,
  parent?: AbortSignal,
): Promise<T> {
  parent?.throwIfAborted()
  const work = eitherSignal(parent)
  let stop: (() => void) | undefined
  try {
    return await new Promise<T>((resolve, reject) => {
      // Heard before the task hears it, so that the reason is the same whatever the task makes of its signal.
      work.onEnd(reject)
      stop = startTimer(runtime, ms, () => work.abort(expired()))
      Promise.resolve(task(work.signal)).then(resolve, reject)
    })
  } finally {
    stop?.()
    work.done()
  }
}

/**
 * Waits for the promise, at most `ms`, and no longer than the signal says. Resolves with whether it settled in
 * time; rejects only with `signal.reason`. The promise itself goes on.
 */
export const settledWithin = (
  runtime: Pick<Runtime, 'sleep'>,
  promise: Promise<unknown>,
  ms: number,
  signal?: AbortSignal,
): Promise<boolean> =>
  orAborted(signal, (resolve) => {
    const settled = () => resolve(true)
    promise.then(settled, settled)
    return ms === Infinity ? undefined : startTimer(runtime, ms, () => resolve(false))
  })
