/**
 * A timer that is set only where what it watches goes on for longer than a few microtasks: what ends at once costs none.
 *
 * @module
 */
import { startTimer } from '../ports/runtime.ts'
import type { Runtime } from '../ports/runtime.ts'

/** Steps of the microtask queue that are waited for: several times what a load takes whose loader answers at once. */
const STEPS = 24

/** Calls `ring` after `ms`. Returns what stops that. */
export function lateTimer(runtime: Pick<Runtime, 'sleep'>, ms: number, ring: () => void): () => void {
  let isOver = false
  let stop: (() => void) | undefined
  const set = async (): Promise<void> => {
    for (let step = 0; step < STEPS; step++) {
      await Promise.resolve()
      if (isOver) return
    }
    stop = startTimer(runtime, ms, ring)
  }
  void set()
  return () => {
    isOver = true
    stop?.()
  }
}
