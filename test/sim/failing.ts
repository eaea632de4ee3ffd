/**
 * Shrinks a scenario that failed to the smallest one that breaks the same promise.
 *
 * @module
 */
import { excuses } from './excuses.ts'
import { minimise } from './minimise.ts'
import type { Limits, Minimal } from './minimise.ts'
import { schedule } from './schedule.ts'
import type { Scenario } from './scenario.ts'
import type { Violation } from './trace.ts'

export interface Smallest extends Minimal {
  readonly violations: readonly Violation[]
}

/** The smallest scenario that is within what is promised, and breaks the invariant. */
export async function smallest(scenario: Scenario, invariant: string, limits: Limits): Promise<Smallest> {
  const broken = async (candidate: Scenario): Promise<Violation[]> => {
    const { violations } = await schedule(candidate)
    return violations.filter((violation) => violation.invariant === invariant)
  }
  const excused = excuses(scenario).length > 0
  const minimal = await minimise(
    scenario,
    // A part of a scenario may ask for more than the whole does.
    async (candidate) => (excused || excuses(candidate).length === 0) && (await broken(candidate)).length > 0,
    limits,
  )
  return { ...minimal, violations: await broken(minimal.scenario) }
}
