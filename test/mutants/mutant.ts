/**
 * A mutant: a bug that a developer might write, as a change of the sources, and the promise that it breaks.
 *
 * @module
 */
import type { FocusName } from './focus.ts'

/** A piece of a source that is written otherwise. It stands exactly once in its file: a changed source is noticed. */
export interface Change {
  /** From the root of the repository. */
  readonly file: string
  readonly from: string
  readonly to: string
}

/** The invariants of the design. */
type Invariant = `I${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15 | 16 | 18}`

export interface Mutant extends Change {
  readonly id: string
  /** What is wrong with it: one sentence. */
  readonly what: string
  /** Further changes that belong to the same bug. */
  readonly also?: readonly Change[]
  /** Which of them it breaks. Empty where only a contract of a single part is broken. */
  readonly breaks: readonly Invariant[]
  /** Tests that are likely to notice it, below `test/`: they are run first. */
  readonly hint: readonly string[]
  /** Which simulated runs can show it. @default any */
  readonly focus?: FocusName
  /** Why no simulated run can show it. The simulator is not asked then. */
  readonly unseen?: string
  /** Why no test can show it: the change makes no observable difference. */
  readonly survives?: string
}
