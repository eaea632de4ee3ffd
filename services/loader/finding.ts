/** What a loader service has found for a key. @module */
import type { Candidate } from '../../src/coherence/candidate.ts'
import type { Wanted } from './queue.ts'

/** The answer for a key: a value, or that it has none. */
export interface Finding {
  readonly wanted: Wanted
  readonly asOf: number
  /** Generation of the partition when the source was read: the as-of has no meaning in another generation. */
  readonly generation: number
  readonly loadedAt: number
  readonly candidate: Candidate<unknown> | undefined
}
