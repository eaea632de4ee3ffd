/**
 * Deadlines without ambient timers: a task that is given up when its time is over, even if it ignores its signal.
 *
 * @module
 */
import type { Runtime } from '../ports/runtime.ts'

/**
 * Runs the task and settles no later than after `ms`.
 *
 * @param expired makes the error for a task whose time is over; its signal is aborted with the same error
 * @param parent ends the task early: the call then rejects with `parent.reason`
 */
export async function withDeadline<T>(
  runtime: Runtime,
  ms: number,
  expired: () => unknown,
  task: (signal: AbortSignal) => Promise<T>,
  parent?: AbortSignal,
): Promise<T> {
  parent?.throwIfAborted()
  const work = new AbortController()
  const timer = new AbortController()
  const gaveUp = new Promise<never>((_, reject) => {
    const giveUp = (reason: unknown) => {
      // Rejected first, so that the reason is the same whatever the task makes of its signal.
      reject(reason)
      work.abort(reason)
    }
    parent?.addEventListener('abort', () => giveUp(parent.reason), { once: true, signal: timer.signal })
    runtime.sleep(ms, timer.signal).then(
      () => giveUp(expired()),
      () => undefined,
    )
  })
  try {
    return await Promise.race([task(work.signal), gaveUp])
  } finally {
    timer.abort()
  }
}

/**
 * Runs the task with the signal of `work`, and settles when that is aborted or after `ms`: then it aborts `work`.
 *
 * @param expired makes the reason for a task whose time is over
 */
export async function deadline<T>(
  runtime: Pick<Runtime, 'sleep'>,
  ms: number,
  expired: () => unknown,
  task: (signal: AbortSignal) => Promise<T>,
  work: AbortController,
): Promise<T> {
  const { signal } = work
  const timer = new AbortController()
  try {
    return await new Promise<T>((resolve, reject) => {
      // Listens before the task does, so that the reason is the same whatever the task makes of its signal.
      signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: timer.signal })
      runtime.sleep(ms, timer.signal).then(
        () => work.abort(expired()),
        () => undefined,
      )
      task(signal).then(resolve, reject)
    })
  } finally {
    timer.abort()
  }
}

/**
 * Waits for the promise, at most `ms`, and no longer than the signal says. Resolves with whether it settled in
 * time; rejects only with `signal.reason`. The promise itself goes on.
 */
export async function settledWithin(
  runtime: Runtime,
  promise: Promise<unknown>,
  ms: number,
  signal?: AbortSignal,
): Promise<boolean> {
  signal?.throwIfAborted()
  const timer = new AbortController()
  const settled = promise.then(
    () => true,
    () => true,
  )
  try {
    const waits: Promise<boolean>[] = [settled]
    if (ms < Infinity)
      waits.push(
        runtime.sleep(ms, timer.signal).then(
          () => false,
          () => false,
        ),
      )
    if (signal) waits.push(aborted(signal, timer.signal))
    return await Promise.race(waits)
  } finally {
    timer.abort()
  }
}

function aborted(signal: AbortSignal, until: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: until })
  })
}
