/** What a checker has found, and how often it looked. @module */
import type { Violation } from '../trace.ts'

export class Findings {
  readonly violations: Violation[] = []
  looked = 0
  readonly #invariant: string

  constructor(invariant: string) {
    this.#invariant = invariant
  }

  broke(t: number, text: string): void {
    this.violations.push({ invariant: this.#invariant, t, text })
  }
}
