/** Ending in two steps: first the work begins nothing new, then what it has begun must end. @module */
import type { Runtime } from '../ports/runtime.ts'
import { onAbort } from './abort.ts'

export interface Stop {
  /** Aborted when nothing new may be begun. */
  readonly soft: AbortSignal
  /** Aborted when even what was begun must end. */
  readonly hard: AbortSignal
}

export interface StopOptions {
  readonly signal: AbortSignal | undefined
  /** @default none */
  readonly budgetMs?: number | undefined
  readonly graceMs: number
}

/**
 * Runs the work until it ends, or until the signal or the budget ends it. Resolves with `undefined` where it was
 * ended; leaves no timer behind.
 */
export async function withStop<T>(
  runtime: Runtime,
  { signal, budgetMs, graceMs }: StopOptions,
  work: (stop: Stop) => Promise<T>,
): Promise<T | undefined> {
  const [soft, hard, timers] = [new AbortController(), new AbortController(), new AbortController()]
  const end = () => {
    if (soft.signal.aborted) return
    soft.abort(signal?.reason)
    runtime.sleep(graceMs, timers.signal).then(
      () => hard.abort(signal?.reason),
      () => undefined,
    )
  }
  if (budgetMs !== undefined) runtime.sleep(budgetMs, timers.signal).then(end, () => undefined)
  const off = onAbort(signal, end)
  try {
    return await work({ soft: soft.signal, hard: hard.signal })
  } catch (error) {
    if (hard.signal.aborted || (soft.signal.aborted && error === soft.signal.reason)) return undefined
    throw error
  } finally {
    off()
    timers.abort()
  }
}
