/**
 * Deadlines without ambient timers: a task that is given up when its time is over, even if it ignores its signal.
 *
 * @module
 */
import type { Runtime } from '../ports/runtime.ts'
import { eitherSignal, onAbort } from './abort.ts'
import type { EitherSignal } from './abort.ts'

/** The reason for timers that are not needed any more: without one `abort` makes an error with a stack. */
const ENDED = 'ended'

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
  try {
    return await untilDeadline(runtime, ms, expired, task, work)
  } finally {
    work.done()
  }
}

/**
 * Runs the task with the signal of `work`, and settles when that is aborted or after `ms`: then it aborts `work`.
 *
 * @param expired makes the reason for a task whose time is over
 */
export async function untilDeadline<T>(
  runtime: Pick<Runtime, 'sleep'>,
  ms: number,
  expired: () => unknown,
  task: (signal: AbortSignal) => Promise<T>,
  work: Pick<EitherSignal, 'signal' | 'abort'>,
): Promise<T> {
  const { signal } = work
  const timer = new AbortController()
  try {
    return await new Promise<T>((resolve, reject) => {
      // Listens before the task does, so that the reason is the same whatever the task makes of its signal.
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      runtime.sleep(ms, timer.signal).then(
        () => work.abort(expired()),
        () => undefined,
      )
      Promise.resolve(task(signal)).then(resolve, reject)
    })
  } finally {
    timer.abort(ENDED)
  }
}

/**
 * Waits for the promise, at most `ms`, and no longer than the signal says. Resolves with whether it settled in
 * time; rejects only with `signal.reason`. The promise itself goes on.
 */
export async function settledWithin(
  runtime: Pick<Runtime, 'sleep'>,
  promise: Promise<unknown>,
  ms: number,
  signal?: AbortSignal,
): Promise<boolean> {
  signal?.throwIfAborted()
  const ended = eitherSignal(signal)
  try {
    return await new Promise<boolean>((resolve, reject) => {
      const settled = () => resolve(true)
      onAbort(ended.signal, reject)
      promise.then(settled, settled)
      if (ms === Infinity) return
      runtime.sleep(ms, ended.signal).then(
        () => resolve(false),
        () => undefined,
      )
    })
  } finally {
    ended.done()
    ended.abort(ENDED)
  }
}
