/**
 * A process of a sweep: it gets seeds, and reports what came of each.
 *
 * @module
 */
import { plan } from './plan.ts'
import { add, noCounts, schedule } from './schedule.ts'
import type { Counts } from './schedule.ts'
import type { Violation } from './trace.ts'

/** Seeds `first … first + count − 1`. */
export interface Job {
  readonly first: number
  readonly count: number
}

export type Report =
  /** Said before each schedule: of a process that ends or hangs, this is the seed that did it. */
  | { readonly seed: number }
  | { readonly failed: number; readonly violations: readonly Violation[] }
  | { readonly done: Counts }

const MAX_VIOLATIONS = 5

process.on('message', (job: Job) => void work(job))

async function work({ first, count }: Job): Promise<void> {
  const sum = noCounts()
  for (let seed = first; seed < first + count; seed++) {
    tell({ seed })
    const { counts, violations } = await schedule(plan(seed))
    add(sum, counts)
    if (violations.length > 0) tell({ failed: seed, violations: violations.slice(0, MAX_VIOLATIONS) })
  }
  tell({ done: sum })
}

function tell(report: Report): void {
  process.send?.(report)
}
