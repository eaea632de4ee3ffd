/**
 * Kept scenarios: each once showed a fault, and holds since. `npm run sim` prints them so that they can be pasted here.
 *
 * @module
 */
import { expect, it } from 'vitest'
import type { Scenario } from '../scenario.ts'
import { schedule } from '../schedule.ts'

/** A test that runs the scenario, and finds no promise broken. */
export function holds(name: string, scenario: Scenario): void {
  it(name, async () => {
    const { violations } = await schedule(scenario)
    expect(violations).toEqual([])
  })
}
