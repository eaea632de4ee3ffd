/**
 * A timer that is set only where what it watches goes on for longer than a few microtasks: what ends at once costs none.
 *
 * @module
 */
import { startTimer } from '../ports/runtime.ts'
import type { Runtime } from '../ports/runtime.ts'

/** Steps of the microtask queue that are waited for. A load whose loader answers at once takes ten. */
const STEPS = 24

export class LateTimer {
  #isOver = false
  #stop: (() => void) | undefined

  /** @param ring called after `ms`, unless the timer is cancelled before */
  constructor(runtime: Pick<Runtime, 'sleep'>, ms: number, ring: () => void) {
    void this.#set(runtime, ms, ring)
  }

  cancel(): void {
    this.#isOver = true
    this.#stop?.()
  }

  async #set(runtime: Pick<Runtime, 'sleep'>, ms: number, ring: () => void): Promise<void> {
    for (let step = 0; step < STEPS; step++) {
      await undefined
      if (this.#isOver) return
    }
    this.#stop = startTimer(runtime, ms, ring)
  }
}
