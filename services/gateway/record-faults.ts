/** The faults that stop a consumer at a record, or at its partition. @module */
import { isUndecodable } from './embedded-format.ts'
import { Refusal } from './refusal.ts'

/** A poll ends here: its answer is full, or the record is at fault. */
export interface Stop {
  readonly because?: Refusal
}

/** Maps an unknown topic or partition of an assignment to `not-hosted`. */
export async function hosted<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Refusal) || !['unknown-topic', 'unknown-partition'].includes(error.reason))
      throw error
    throw new Refusal('not-hosted', 'This server does not host this topic-partition.')
  }
}

/** Why a record cannot be shown, where it is the record's own fault. */
export function attempt(show: () => void): Stop | undefined {
  try {
    show()
    return undefined
  } catch (error) {
    if (error instanceof Refusal && isUndecodable(error)) return { because: error }
    throw error
  }
}
