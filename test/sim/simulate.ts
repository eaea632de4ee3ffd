/**
 * Runs a scenario: the product's own code, in one process, in a time that passes only by what happens.
 *
 * @module
 */
import { virtual } from './engine/ambient.ts'
import { Fleet } from './engine/fleet.ts'
import { World } from './engine/world.ts'
import type { Scenario } from './scenario.ts'
import type { Trace } from './trace.ts'

/** One at a time: it is the platform that is replaced. */
let last: Promise<unknown> = Promise.resolve()

/** The trace of the scenario. Depends on the scenario and on the code alone. */
export function simulate(scenario: Scenario): Promise<Trace> {
  const mine = last.then(() => run(scenario))
  last = mine.catch(() => undefined)
  return mine
}

async function run(scenario: Scenario): Promise<Trace> {
  const world = new World(scenario)
  const restore = virtual(world.transport)
  try {
    await world.universe.run(() => new Fleet(world).run())
  } finally {
    restore()
  }
  return { scenario, events: world.record.events }
}
